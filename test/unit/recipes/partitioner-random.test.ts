/** Shards under random churn, crashes, partitions, lost answers and an operator. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sleep } from '../../../src/core/signals.js';
import type { Entry } from '../../../src/core/store.js';
import { Partitioner, type ShardHold } from '../../../src/recipes/partitioner.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { type Node, World } from './world.js';

const path = '/work/random';
const shards = 12;
const nodeCount = 4;

interface Running {
  readonly partitioner: Partitioner;
  readonly stop: AbortController;
}

const which = fc.nat({ max: nodeCount - 1 });
const one = <K extends string>(kind: K) =>
  fc.record({ kind: fc.constant(kind), node: which, n: fc.nat({ max: 1_000 }) });
const action = fc.oneof(
  { weight: 5, arbitrary: one('start') },
  { weight: 2, arbitrary: one('stop') },
  { weight: 1, arbitrary: one('crash') },
  { weight: 2, arbitrary: one('partition') },
  { weight: 3, arbitrary: one('heal') },
  { weight: 1, arbitrary: one('interrupt') },
  { weight: 3, arbitrary: one('lost') },
  { weight: 2, arbitrary: one('hold') },
  { weight: 1, arbitrary: one('delay') },
  { weight: 1, arbitrary: one('compact') },
  { weight: 1, arbitrary: one('revoke') },
  { weight: 2, arbitrary: one('spoil') },
  { weight: 9, arbitrary: one('pass') },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

class Shards {
  static readonly tally = { tasks: 0, overlaps: 0 };
  readonly world = new World();
  readonly #nodes: Node[] = [];
  readonly #running = new Map<number, Running>();
  /** All holds that were ever given to a task, by shard. */
  readonly #holds: ShardHold[][] = Array.from({ length: shards }, () => []);
  /** The operator spoils keys behind the back of their owners: then the store may be ahead of what they believe. */
  readonly #operator: boolean;
  #names = 0;
  readonly violations: string[] = [];

  constructor(operator: boolean) {
    this.#operator = operator;
    for (let n = 0; n < nodeCount; n++) this.#nodes[n] = this.world.node();
    void this.#watchTokens();
  }

  async do({ kind, node: n, n: amount }: Action): Promise<void> {
    const node = this.#nodes[n] as Node;
    const { store } = node;
    if (kind === 'pass') await this.#pass(amount * 2 + 1);
    if (kind === 'start') this.#start(n, node);
    if (kind === 'stop') this.#stop(n);
    if (kind === 'crash') await this.#crash(n);
    if (kind === 'partition') store.partition();
    if (kind === 'heal') store.heal();
    if (kind === 'interrupt') store.interrupt();
    if (kind === 'lost') store.dropAnswers({ verb: 'commit', count: (amount % 3) + 1 });
    if (kind === 'hold') store.holdRequests();
    if (kind === 'delay') store.delay(amount % 60);
    if (kind === 'compact') this.world.cluster.compact();
    if (this.#operator && kind === 'revoke') this.#revoke(amount);
    if (this.#operator && kind === 'spoil') this.#spoil(amount);
    await settle();
    this.check();
  }

  /** In small steps, with a look after each. */
  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      await this.world.clock.advance(Math.min(50, left));
      this.check();
    }
  }

  #start(n: number, { client }: Node): void {
    if (this.#running.has(n)) return;
    const partitioner = new Partitioner(client, path, { shards, id: `m${++this.#names}`, weight: 1 + (n % 2) });
    const stop = new AbortController();
    const mine = { partitioner, stop };
    this.#running.set(n, mine);
    const task = async (hold: ShardHold, signal: AbortSignal): Promise<void> => {
      Shards.tally.tasks++;
      this.#holds[hold.shard]?.push(hold);
      // Works on for a while after it was told to stop.
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await sleep(this.world.clock, hold.shard * 20);
    };
    partitioner.run(task, { signal: stop.signal }).catch(() => {
      if (this.#running.get(n) === mine) this.#running.delete(n);
    });
  }

  #stop(n: number): void {
    this.#running.get(n)?.stop.abort(new Error('stop'));
  }

  async #crash(n: number): Promise<void> {
    await this.#nodes[n]?.store.close();
    this.#running.delete(n);
    this.#nodes[n] = this.world.node();
  }

  #revoke(amount: number): void {
    const leases = this.world.cluster.leases();
    const lease = leases[amount % Math.max(1, leases.length)];
    if (lease !== undefined) this.world.cluster.revokeLease(lease.id);
  }

  #spoil(amount: number): void {
    const key = `${path}/shards/${amount % shards}`;
    if (amount % 2 === 0) this.world.cluster.deleteKey(key);
    else if (this.world.keys().includes(key)) this.world.cluster.putKey(key, 'spoilt');
  }

  /** At most one believes to own a shard; and, without an operator, whoever believes it is right. */
  check(): void {
    for (const [shard, holds] of this.#holds.entries()) {
      const believers = holds.filter((hold) => hold.isHeld());
      if (believers.length > 1) Shards.tally.overlaps++;
      if (this.#operator) continue;
      const entry = this.world.cluster.entries().find(({ key }) => key === `${path}/shards/${shard}`);
      for (const { token } of believers) {
        if (entry?.created !== token) this.violations.push(`shard ${shard}: ${token} believed, ${entry?.created} true`);
      }
    }
  }

  /** The tokens of a shard only ever grow, as the store tells it; and a key is never written again. */
  async #watchTokens(): Promise<void> {
    const last = new Map<string, bigint>();
    const see = ({ key, created, modified, lease }: Entry): void => {
      if (created < (last.get(key) ?? 0n)) this.violations.push(`${key}: ${created} after ${last.get(key)}`);
      if (created !== modified && lease !== undefined) this.violations.push(`${key}: written again`);
      last.set(key, created);
    };
    for await (const batch of this.world.cluster.store().watch({ prefix: `${path}/shards/` })) {
      for (const entry of batch.kind === 'snapshot' ? batch.entries : batch.puts) see(entry);
    }
  }

  async quiet(): Promise<void> {
    for (const { store } of this.#nodes) {
      store.heal();
      store.delay(0);
    }
    await this.world.clock.advance(40_000);
    const alive = [...this.#running.values()].filter(({ stop }) => !stop.signal.aborted);
    const owned = alive.flatMap(({ partitioner }) => [...partitioner.owned.keys()]).sort((a, b) => a - b);
    expect(owned).toEqual(alive.length === 0 ? [] : [...Array(shards).keys()]);
    this.check();
    expect(this.violations).toEqual([]);
    for (const { stop } of this.#running.values()) stop.abort(new Error('the end'));
    await this.world.clock.advance(2_000);
    for (const { key, lease } of this.world.cluster.entries())
      if (lease === undefined) this.world.cluster.deleteKey(key);
    expect(this.world.keys()).toEqual([]);
    expect(await this.world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
  }
}

test.each([false, true])(
  'no shard has two owners, and all are owned in the end; with an operator: %s',
  { timeout: 120_000 },
  async (operator) => {
    const runs = Number(process.env['COTERIE_RANDOM_RUNS'] ?? 50);
    const { tasks, overlaps } = { ...Shards.tally };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 50, maxLength: 100 }), async (steps) => {
        const course = new Shards(operator);
        for (const step of steps) await course.do(step);
        await course.quiet();
      }),
      { numRuns: runs, endOnFailure: process.env['COTERIE_RANDOM_SHRINK'] === undefined },
    );
    expect(Shards.tally.tasks - tasks).toBeGreaterThan(runs * 20);
    if (!operator) expect(Shards.tally.overlaps).toBe(overlaps);
  },
);
