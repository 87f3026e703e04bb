/** Groups under random churn, crashes, partitions, lost answers and an operator, against a replay of the store. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeText } from '../../../src/core/codec.js';
import type { Entry } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { Group, type GroupView, type Membership } from '../../../src/recipes/group.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { type Node, World } from './world.js';

const path = '/groups/random';
const nodeCount = 4;
const idCount = 5;

/** Who was in the group at every revision, as told by the store itself. */
class Replay {
  readonly states: { readonly revision: bigint; readonly members: readonly string[] }[] = [];
  readonly dataOf = new Map<bigint, string>();
  readonly changed: string[] = [];
  readonly #entries = new Map<string, Entry>();

  constructor(world: World) {
    void this.#follow(world);
  }

  at(revision: bigint): readonly string[] {
    return this.states.findLast((state) => state.revision <= revision)?.members ?? [];
  }

  async #follow(world: World): Promise<void> {
    for await (const batch of world.cluster.store().watch({ prefix: `${path}/` })) {
      if (batch.kind === 'changes') for (const key of batch.deletes) this.#entries.delete(key);
      for (const entry of batch.kind === 'snapshot' ? batch.entries : batch.puts) this.#put(entry);
      const live = [...this.#entries.values()].filter(({ lease }) => lease !== undefined);
      this.states.push({ revision: batch.revision, members: live.map(label).sort() });
    }
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.key, entry);
    if (entry.lease === undefined) return;
    const data = decodeText(entry.value);
    const before = this.dataOf.get(entry.created);
    if (before !== undefined && before !== data) this.changed.push(`${entry.key} ${entry.created}`);
    this.dataOf.set(entry.created, data);
  }
}

function label({ key, created }: Entry): string {
  return `${key.slice(path.length + 1)} ${created}`;
}

function labels(members: readonly { id: string; incarnation: bigint }[]): string[] {
  return members.map(({ id, incarnation }) => `${id} ${incarnation}`).sort();
}

/** One follower of the group, behind a network of its own, that is sometimes slow to look. */
class Observer {
  readonly seen: GroupView<unknown>[] = [];
  slowMs = 0;

  constructor(world: World, node: Node, stop: AbortSignal) {
    const follow = async (): Promise<void> => {
      for await (const view of new Group(node.client, path).views({ signal: stop })) {
        this.seen.push(view);
        const { slowMs } = this;
        if (slowMs > 0) await new Promise<void>((resolve) => world.clock.after(slowMs, resolve));
      }
    };
    follow().catch((error: unknown) => {
      if (error !== stop.reason && !isCoordinationError(error, 'CLOSED')) throw error;
    });
  }
}

const which = fc.nat({ max: nodeCount - 1 });
const who = fc.nat({ max: idCount - 1 });
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('join' as const), node: which, id: who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave' as const), node: which, id: who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('update' as const), node: which, id: who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), node: which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('partition' as const), node: which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('heal' as const), node: which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('interrupt' as const), node: which }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('lost' as const), node: which, count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('hold' as const), node: which }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('slow' as const), node: which, ms: fc.integer({ min: 0, max: 800 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('delay' as const), node: which, ms: fc.integer({ min: 0, max: 60 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoke' as const), n: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overwrite' as const), id: who }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2_000 }) }) },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

class Churn {
  readonly world = new World();
  readonly replay = new Replay(this.world);
  readonly #stop = new AbortController();
  readonly #nodes: Node[] = [];
  readonly observers: Observer[] = [];
  /** What came about in all runs, to show that something did. */
  static readonly tally = { views: 0, incarnations: 0, left: 0 };
  readonly #members = new Map<string, Promise<Membership | undefined>>();
  #joins = 0;

  constructor() {
    for (let n = 0; n < nodeCount; n++) this.#boot(n);
  }

  #boot(n: number): void {
    const node = this.world.node({ host: `node-${n}` });
    this.#nodes[n] = node;
    this.observers[n] = new Observer(this.world, node, this.#stop.signal);
  }

  /** The process is gone without a word, and another one takes its place. */
  async #crash(n: number): Promise<void> {
    await this.#nodes[n]?.store.close();
    for (let id = 0; id < idCount; id++) this.#members.delete(this.#key(n, id));
    this.#boot(n);
  }

  async do(step: Action): Promise<void> {
    const node = 'node' in step ? (this.#nodes[step.node] as Node) : undefined;
    if (step.kind === 'pass') await this.world.clock.advance(step.ms);
    if (step.kind === 'crash') await this.#crash(step.node);
    if (step.kind === 'join' && node) this.#join(step.node, step.id, node);
    if (step.kind === 'leave') this.#leave(step.node, step.id);
    if (step.kind === 'update') this.#update(step.node, step.id);
    if (step.kind === 'partition') node?.store.partition();
    if (step.kind === 'heal') node?.store.heal();
    if (step.kind === 'interrupt') node?.store.interrupt();
    if (step.kind === 'hold') node?.store.holdRequests();
    if (step.kind === 'lost') node?.store.dropAnswers({ verb: 'commit', count: step.count });
    if (step.kind === 'delay') node?.store.delay(step.ms);
    if (step.kind === 'slow') Object.assign(this.observers[step.node] ?? {}, { slowMs: step.ms });
    if (step.kind === 'compact') this.world.cluster.compact();
    if (step.kind === 'delete') this.world.cluster.deleteKey(`${path}/m${step.id}`);
    if (step.kind === 'overwrite') this.#overwrite(step.id);
    if (step.kind === 'revoke') this.#revoke(step.n);
    await settle();
  }

  #key(n: number, id: number): string {
    return `${n} ${id}`;
  }

  #join(n: number, id: number, { client }: Node): void {
    if (this.#members.has(this.#key(n, id))) return;
    const joining: Promise<Membership | undefined> = new Group(client, path, {
      onTaken: id % 2 === 0 ? 'wait' : 'reject',
    })
      .join(`m${id}`, `data ${++this.#joins}`, { timeoutMs: 4_000 })
      .catch(() => {
        if (this.#members.get(this.#key(n, id)) === joining) this.#members.delete(this.#key(n, id));
        return undefined;
      });
    this.#members.set(this.#key(n, id), joining);
  }

  #leave(n: number, id: number): void {
    const joining = this.#members.get(this.#key(n, id));
    this.#members.delete(this.#key(n, id));
    void joining?.then((member) => member?.leave());
  }

  #update(n: number, id: number): void {
    void this.#members
      .get(this.#key(n, id))
      ?.then((member) => member?.update(`data ${++this.#joins}`))
      .catch(() => {});
  }

  #overwrite(id: number): void {
    const key = `${path}/m${id}`;
    if (this.world.keys().includes(key)) this.world.cluster.putKey(key, 'spoilt');
  }

  #revoke(n: number): void {
    const leases = this.world.cluster.leases();
    const lease = leases[n % Math.max(1, leases.length)];
    if (lease !== undefined) this.world.cluster.revokeLease(lease.id);
  }

  /** Everything heals, and time passes; then what should be is. */
  async quiet(): Promise<void> {
    for (const node of this.#nodes) {
      node.store.heal();
      node.store.delay(0);
    }
    for (const observer of this.observers) observer.slowMs = 0;
    await this.world.clock.advance(60_000);
  }

  async check(): Promise<void> {
    const { replay } = this;
    expect(replay.changed).toEqual([]);
    const truth = replay.states.at(-1)?.members ?? [];
    for (const { seen } of this.observers) {
      let before: string[] = [];
      let revision = -1n;
      for (const view of seen) {
        const members = labels(view.members);
        expect(members).toEqual(replay.at(view.revision));
        expect(view.revision > revision).toBe(true);
        expect(before.filter((one) => !members.includes(one)).sort()).toEqual(labels(view.left));
        expect(members.filter((one) => !before.includes(one)).sort()).toEqual(labels(view.joined));
        for (const { incarnation, data } of view.members) {
          expect(JSON.stringify(data)).toBe(replay.dataOf.get(incarnation));
        }
        Churn.tally.views++;
        Churn.tally.left += view.left.length;
        before = members;
        revision = view.revision;
      }
      expect(before).toEqual(truth);
    }
    Churn.tally.incarnations += replay.dataOf.size;
    const believers: string[] = [];
    for (const joining of this.#members.values()) {
      const member = await joining;
      if (member?.isMember()) believers.push(`${member.id} ${member.token}`);
    }
    expect(believers.sort()).toEqual(truth);
  }

  async end(): Promise<void> {
    this.#stop.abort(new Error('the end'));
    await settle();
    for (const key of this.world.keys()) {
      if (this.world.cluster.entries().find((entry) => entry.key === key)?.lease === undefined) {
        this.world.cluster.deleteKey(key);
      }
    }
    expect(await this.world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
  }
}

test('G1 to G4, GL1, GL2: every view is the truth at its revision, and all end alike, whatever happens', {
  timeout: 120_000,
}, async () => {
  const runs = Number(process.env['COTERIE_RANDOM_RUNS'] ?? 150);
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 60, maxLength: 120 }), async (steps) => {
      const churn = new Churn();
      for (const step of steps) await churn.do(step);
      await churn.quiet();
      await churn.check();
      await churn.end();
    }),
    { numRuns: runs, endOnFailure: process.env['COTERIE_RANDOM_SHRINK'] === undefined },
  );
  const { views, incarnations, left } = Churn.tally;
  expect(Math.min(views / 20, incarnations / 5, left / 10)).toBeGreaterThan(runs);
});
