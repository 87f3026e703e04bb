import { afterEach, describe, expect, test, vi } from 'vitest';
import { nameOf } from '../../../src/core/ranges.js';
import { sleep } from '../../../src/core/signals.js';
import { type Guard, put } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { DelayQueue } from '../../../src/recipes/delay-queue.js';
import { PriorityQueue } from '../../../src/recipes/priority-queue.js';
import { Queue } from '../../../src/recipes/queue.js';
import type { QueueBase } from '../../../src/recipes/queue-base.js';
import type { Job } from '../../../src/recipes/queue-job.js';
import { FaultyStore } from '../../../src/testing/faulty-store.js';
import { Dice } from './random-process.js';
import { type Node, ttlMs, World } from './world.js';

/**
 * Producers and consumers under random faults, on all three queues. Every seed is another course of events, and always the
 * same one; as many are run as fit into a few seconds. COTERIE_SEED=s
 * runs only this one, COTERIE_SEEDS=n so many from COTERIE_FIRST_SEED=s. Each acknowledgement writes an effect in its commit, and the store is
 * looked at after each commit.
 */
const { COTERIE_SEED: oneSeed, COTERIE_SEEDS: seedCount, COTERIE_FIRST_SEED: fromSeed } = process.env;
const firstSeed = Number(oneSeed ?? fromSeed ?? 0);
const budgetMs = 5_000;

const path = '/q';
const mayHappen: readonly string[] = [
  ...['TIMEOUT', 'UNAVAILABLE', 'SESSION_LOST', 'TICKET_LOST', 'UNKNOWN_OUTCOME', 'CLOSED', 'SESSION_CLOSED'],
  'RELEASED',
];

class Violation extends Error {}

type AnyQueue = QueueBase<number> & Pick<Queue<number>, 'put'>;

class Course {
  readonly world = new World();
  readonly dice: Dice;
  readonly #kind: 'age' | 'priority' | 'due';
  readonly #maxAttempts: number;
  readonly #nodes: Node[] = [];
  readonly #crashed = new Set<Node>();
  readonly #held = new Set<{ readonly node: Node; readonly job: Job<number> }>();
  /** By id: `sent`, or `added` where the producer was told so. */
  readonly puts = new Map<string, 'sent' | 'added'>();
  /** Ids that were put more than once. */
  readonly #again = new Set<string>();
  readonly #effects = new Set<string>();
  readonly #acked = new Set<string>();
  /** Leases that were taken from under their holders, who cannot know at once. */
  readonly #struck = new Set<string>();
  readonly tally = { delivered: 0, again: 0, acked: 0, dead: 0 };
  #values = 0;
  #ending = false;
  #broken: Violation | undefined;

  constructor(seed: number) {
    this.dice = new Dice(seed);
    this.#kind = this.dice.pick(['age', 'priority', 'due'] as const);
    this.#maxAttempts = this.dice.pick([Number.POSITIVE_INFINITY, 4]);
    this.#lookOn();
  }

  async run(): Promise<void> {
    const { world, dice } = this;
    const works: Promise<void>[] = [];
    for (let n = dice.whole(2, 5); n > 0; n--) {
      const node = this.#join();
      works.push(this.#produce(node));
      for (let m = dice.whole(1, 3); m > 0; m--) works.push(this.#consume(node));
    }
    works.push(this.#trouble());
    const all = world.run(Promise.all(works), 3_600_000);
    await Promise.all([all, this.#end()]);
    this.#check();
    // What was sent and given up may still come.
    await world.clock.advance(40_000);
    await world.run(this.#drain(), 3_600_000);
    this.#check();
    this.#reckon();
    await this.#clear();
  }

  fail(sentence: string): void {
    this.#broken ??= new Violation(sentence);
  }

  #check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #queue({ client }: Node): AnyQueue {
    const options = { maxAttempts: this.#maxAttempts, rememberMs: 600_000 };
    if (this.#kind === 'age') return new Queue<number>(client, path, options);
    if (this.#kind === 'due') return new DelayQueue<number>(client, path, options);
    return new PriorityQueue<number>(client, path, options);
  }

  #join(): Node {
    const node = this.world.node();
    this.#nodes.push(node);
    return node;
  }

  /** After every request that reached the store. */
  #lookOn(): void {
    const { cluster } = this.world;
    const run = cluster.run.bind(cluster);
    let inside = false;
    cluster.run = (kind, request) => {
      const response = run(kind, request);
      if (inside || (kind !== 'commit' && kind !== 'revoke')) return response;
      inside = true;
      const keysUnder = (folder: string) => {
        return run('read', { query: { prefix: `${path}/${folder}/` } }).versions.map(({ key }) => key);
      };
      this.#look(keysUnder('items'), keysUnder('claims'), keysUnder('values'));
      inside = false;
      return response;
    };
  }

  #look(items: readonly string[], claims: readonly string[], values: readonly string[]): void {
    const there = new Set(items.map((key) => key.slice(key.lastIndexOf('/') + 1)));
    const claimed = new Map<string, string>();
    for (const key of claims) {
      const [id = ''] = key.slice(`${path}/claims/`.length).split('/');
      if (claimed.has(id)) this.fail(`${id} has two claims at once: ${claimed.get(id)}, ${key}`);
      if (!there.has(id)) this.fail(`${id} is claimed, and is no item`);
      claimed.set(id, key);
    }
    if (there.size !== items.length || there.size !== values.length) this.fail('there are not as many items as values');
    this.#lookAtBeliefs();
  }

  #lookAtBeliefs(): void {
    const owners = new Map<string, Job<number>>();
    for (const { node, job } of this.#held) {
      if (this.#crashed.has(node) || this.#isStruck(job) || !job.isHeld()) continue;
      const other = owners.get(job.id);
      if (other !== undefined) this.fail(`${job.id} is believed to be held by two: ${other.key}, ${job.key}`);
      owners.set(job.id, job);
    }
  }

  #isStruck({ guard }: Job<number>): boolean {
    return guard.kind === 'held' && this.#struck.has(guard.lease);
  }

  async #produce(node: Node): Promise<void> {
    const queue = this.#queue(node);
    while (!this.#ending && !this.#crashed.has(node)) {
      const value = ++this.#values;
      const id = `i${this.dice.chance(0.1) ? this.dice.whole(1, value) : value}`;
      const again = this.puts.get(id);
      this.puts.set(id, again ?? 'sent');
      if (again !== undefined) this.#again.add(id);
      const delayMs = this.dice.chance(0.3) ? this.dice.whole(1, 2_000) : 0;
      const about = { id, delayMs, ...(this.#kind === 'priority' && { priority: this.dice.whole(0, 12) }) };
      await this.#try(async () => {
        const { added } = await queue.put(Number(id.slice(1)), { ...about, timeoutMs: this.dice.whole(100, 9_000) });
        if (!this.#again.has(id) && !added) this.fail(`${id} was put once, and is said not to have been added`);
        this.puts.set(id, 'added');
      });
      await sleep(this.world.clock, this.dice.whole(1, 400));
    }
  }

  async #consume(node: Node): Promise<void> {
    const queue = this.#queue(node);
    while (!this.#ending && !this.#crashed.has(node)) {
      await this.#try(async () => {
        const visibilityMs = this.dice.chance(0.3) ? this.dice.whole(20, 600) : undefined;
        const call = { timeoutMs: this.dice.whole(50, 5_000), visibilityMs };
        const jobs = this.dice.chance(0.2) ? await queue.takeMany(3, call) : [await queue.take(call)];
        for (const job of jobs) await this.#work(node, job);
      });
      await sleep(this.world.clock, this.dice.whole(1, 50));
    }
  }

  async #work(node: Node, job: Job<number>): Promise<void> {
    const belief = { node, job };
    this.#held.add(belief);
    this.tally.delivered++;
    if (job.attempts > 1) this.tally.again++;
    if (!this.puts.has(job.id) || job.value !== Number(job.id.slice(1))) this.fail(`${job.id} was never put`);
    if (this.#acked.has(job.id) && !this.#isStruck(job) && job.isHeld())
      this.fail(`${job.id} was delivered after it was acknowledged`);
    this.#lookAtBeliefs();
    await sleep(this.world.clock, this.dice.whole(1, 500));
    if (this.dice.chance(0.2)) await job.nack({ delayMs: this.dice.whole(0, 1_000) });
    else if (this.dice.chance(0.95)) await this.#ack(job);
    else await sleep(this.world.clock, 2_000);
    await job.release();
    this.#held.delete(belief);
  }

  async #ack(job: Job<number>): Promise<void> {
    await job.ack({ ops: [put(`/effects/${job.id}`, '')] });
    this.tally.acked++;
    if (this.#acked.has(job.id)) this.fail(`${job.id} was acknowledged twice`);
    this.#acked.add(job.id);
  }

  async #try(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (isCoordinationError(error) && mayHappen.includes(error.code)) return;
      this.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  async #end(): Promise<void> {
    await sleep(this.world.clock, this.dice.whole(4, 10) * ttlMs);
    this.#ending = true;
    for (const { store } of this.#nodes) {
      store.heal();
      store.delay(0);
    }
  }

  async #trouble(): Promise<void> {
    const works: Promise<void>[] = [];
    const { clock, cluster } = this.world;
    const strikes: readonly ((node: Node) => unknown)[] = [
      ({ store }) => store.dropAnswers({ count: this.dice.whole(1, 3) }),
      ({ store }) => store.dropAnswers({ count: this.dice.whole(1, 3), verb: 'commit' }),
      ({ store }) => store.dropRequests({ count: this.dice.whole(1, 3) }),
      ({ store }) => store.delay(this.dice.whole(0, 60)),
      ({ store }) => store.interrupt(),
      ({ store }) => {
        store.partition();
        clock.after(this.dice.whole(10, 2 * ttlMs), () => store.heal());
      },
      () => {
        const held = cluster.entries().filter(({ key }) => key.startsWith(`${path}/claims/`));
        const { lease } = held.length > 0 ? this.dice.pick(held) : {};
        if (lease === undefined) return;
        this.#struck.add(lease);
        cluster.revokeLease(lease);
      },
      () => cluster.compact(),
      (node) => {
        if (this.#crashed.size + 1 >= this.#nodes.length) return;
        this.#crashed.add(node);
        void node.client.store.close();
        const fresh = this.#join();
        works.push(this.#produce(fresh), this.#consume(fresh));
      },
    ];
    while (!this.#ending) {
      await sleep(clock, this.dice.whole(20, 900));
      this.dice.pick(strikes)(this.dice.pick(this.#nodes.filter((node) => !this.#crashed.has(node))));
    }
    // Those that came later have to end too.
    await Promise.all(works);
  }

  /** Takes all that is left, dead letters too. */
  async #drain(): Promise<void> {
    const node = this.#join();
    const queue = this.#queue(node);
    for (let idleMs = 0; idleMs < 5_000; ) {
      const job = await queue.tryTake();
      if (job !== undefined) await this.#ack(job);
      else idleMs += 500;
      if (job === undefined) await sleep(this.world.clock, 500);
    }
    for await (const { id, value, attempts } of queue.deadLetters()) {
      this.tally.dead++;
      if (attempts !== this.#maxAttempts || value !== Number(id.slice(1))) this.fail(`${id} is no dead letter`);
      // A dead letter does not keep its id from being put again.
      if (this.#acked.has(id) && !this.#again.has(id)) this.fail(`${id} is dead, and was acknowledged`);
      await queue.discard(id);
      this.#effects.add(id);
    }
  }

  #reckon(): void {
    const prefix = '/effects/';
    const effects = this.world.keys().filter((key) => key.startsWith(prefix));
    for (const key of effects) this.#effects.add(key.slice(prefix.length));
    for (const [id, state] of this.puts) {
      if (state === 'added' && !this.#effects.has(id)) throw new Violation(`${id} was added, and is lost`);
    }
    for (const id of this.#effects) if (!this.puts.has(id)) throw new Violation(`${id} was never put`);
    for (const id of this.#acked) if (!this.#effects.has(id)) throw new Violation(`${id} was acknowledged for nothing`);
    const rest = this.world.keys().filter((key) => !key.startsWith(prefix) && !key.startsWith(`${path}/done/`));
    if (rest.length > 0) throw new Violation(`left behind: ${rest.slice(0, 5).join(', ')}`);
    for (const key of effects) this.world.cluster.deleteKey(key);
  }

  async #clear(): Promise<void> {
    for (const { key, lease } of this.world.cluster.entries()) {
      if (key.startsWith(`${path}/done/`) && lease !== undefined) this.world.cluster.revokeLease(lease);
    }
    const { leases, ...end } = await this.world.end();
    expect(end).toEqual({ keys: [], timers: 0 });
    // Those by which ids are remembered; the empty ones among them, too.
    expect(leases).toBeLessThanOrEqual(this.#nodes.length);
  }
}

async function course(seed: number): Promise<Course> {
  const one = new Course(seed);
  try {
    await one.run();
    return one;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`COTERIE_SEED=${seed}: ${why}`, { cause });
  }
}

afterEach(() => vi.restoreAllMocks());

test('nothing that was added is lost, nothing is invented, and no item has two owners', async () => {
  const began = performance.now();
  const count = oneSeed === undefined ? Number(seedCount ?? Number.POSITIVE_INFINITY) : 1;
  const fits = (): boolean => count < Number.POSITIVE_INFINITY || performance.now() - began < budgetMs;
  const tally = { delivered: 0, again: 0, acked: 0, dead: 0 };
  for (let n = 0; n < count && fits(); n++) {
    const one = await course(firstSeed + n);
    for (const name of ['delivered', 'again', 'acked', 'dead'] as const) tally[name] += one.tally[name];
  }
  if (oneSeed === undefined) expect(Math.min(tally.acked / 20, tally.again / 5)).toBeGreaterThan(1);
}, 3_600_000);

describe('what is broken is found', () => {
  /** Leaves out guards, and gives what the first seeds find then. */
  async function without(kind: Guard['kind'], folder: string): Promise<string> {
    const { commit } = FaultyStore.prototype;
    vi.spyOn(FaultyStore.prototype, 'commit').mockImplementation(function (this: FaultyStore, guards, ...rest) {
      const left = guards.filter((guard) => guard.kind !== kind || !nameOf(guard).startsWith(`${path}/${folder}/`));
      return commit.call(this, left, ...rest);
    });
    for (let seed = 0; seed < 40; seed++) {
      const found = await course(seed).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (found !== undefined) return found;
    }
    return 'nothing';
  }

  test('claims of items that have changed', async () => {
    expect(await without('unchanged', 'items')).toMatch(/two claims at once|believed to be held by two|is no item/);
  }, 60_000);

  test('acknowledgements of what is held no more', async () => {
    expect(await without('held', 'claims')).toMatch(/is claimed, and is no item|not as many items|acknowledged/);
  }, 60_000);

  test('puts that forget what was acknowledged', async () => {
    expect(await without('absent', 'done')).toMatch(/delivered after it was acknowledged|acknowledged twice/);
  }, 60_000);

  test('puts that do not look whether their item is there', async () => {
    expect(await without('absent', 'values')).toMatch(/not as many items as values|acknowledged/);
  }, 60_000);
});
