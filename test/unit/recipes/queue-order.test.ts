/** The order of queues, held against a list: whatever is put, taken and given back, the next is the first that is free. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sleep } from '../../../src/core/signals.js';
import { DelayQueue } from '../../../src/recipes/delay-queue.js';
import { PriorityQueue } from '../../../src/recipes/priority-queue.js';
import { Queue } from '../../../src/recipes/queue.js';
import type { Job } from '../../../src/recipes/queue-job.js';
import { type Node, World } from './world.js';

type Kind = 'age' | 'priority' | 'due';

const kinds: readonly Kind[] = ['age', 'priority', 'due'];
const path = '/q';

interface Item {
  readonly priority: number;
  readonly delayMs: number;
}

type Step =
  | { readonly what: 'put'; readonly who: number; readonly items: readonly Item[] }
  | { readonly what: 'take'; readonly who: number; readonly count: number }
  | { readonly what: 'ack'; readonly which: number }
  | { readonly what: 'nack'; readonly which: number; readonly delayMs: number }
  | { readonly what: 'wait'; readonly ms: number };

const delayMs = fc.constantFrom(0, 0, 0, 1, 5, 30);
const item: fc.Arbitrary<Item> = fc.record({ priority: fc.nat(3), delayMs });
const who = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant('put'), who, items: fc.array(item, { minLength: 1, maxLength: 5 }) }),
  fc.record({ what: fc.constant('take'), who, count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ what: fc.constant('take'), who, count: fc.constant(1) }),
  fc.record({ what: fc.constant('ack'), which: fc.nat() }),
  fc.record({ what: fc.constant('nack'), which: fc.nat(), delayMs }),
  fc.record({ what: fc.constant('wait'), ms: fc.nat(20) }),
);

function open(kind: Kind, { client }: Node) {
  const options = { rememberMs: 0, maxAttempts: Number.POSITIVE_INFINITY };
  if (kind === 'age') return new Queue<number>(client, path, options);
  if (kind === 'due') return new DelayQueue<number>(client, path, options);
  return new PriorityQueue<number>(client, path, options);
}

/** What is known of an item that is in the queue. */
interface Known {
  readonly value: number;
  readonly priority: number;
  /** 0: it never had to wait. */
  dueMs: number;
  /** Its age, as a number that grows with each item that is put. */
  age: number;
  held: boolean;
}

/** A queue as it should be. */
class Model {
  readonly items = new Map<number, Known>();
  readonly #kind: Kind;
  #values = 0;
  #ages = 0;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  put({ priority, delayMs: laterMs }: Item, now: number): number {
    const value = ++this.#values;
    this.items.set(value, { value, priority, dueMs: now + laterMs, age: ++this.#ages, held: false });
    return value;
  }

  giveBack(value: number, laterMs: number, now: number): void {
    const known = this.#known(value);
    known.held = false;
    if (laterMs === 0) return;
    known.dueMs = now + laterMs;
    // Only where the place of an item is its time is its place another one.
    if (this.#kind === 'due') known.age = ++this.#ages;
  }

  take(value: number): void {
    this.#known(value).held = true;
  }

  /** Those that can be had, the first one first. */
  free(now: number): readonly number[] {
    const free = [...this.items.values()].filter(({ held, dueMs }) => !held && dueMs <= now);
    return free.sort((a, b) => this.#rank(a) - this.#rank(b) || a.age - b.age).map(({ value }) => value);
  }

  #rank({ priority, dueMs }: Known): number {
    if (this.#kind === 'age') return 0;
    return this.#kind === 'due' ? dueMs : priority;
  }

  #known(value: number): Known {
    const known = this.items.get(value);
    if (known === undefined) throw new Error(`${value} is not in the queue`);
    return known;
  }
}

/** The same steps, on a queue and on the model of it. */
class Course {
  readonly #world = new World();
  readonly #queues: readonly ReturnType<typeof open>[];
  readonly #model: Model;
  readonly #held: Job<number>[] = [];
  /** By item: how often it was delivered. */
  readonly #deliveries = new Map<number, number>();

  constructor(kind: Kind, consumers: number) {
    this.#queues = Array.from({ length: consumers }, () => open(kind, this.#world.node({ ttlMs: 600_000 })));
    this.#model = new Model(kind);
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) await this.#world.run(this.#take(one));
    await this.#world.clock.advance(60);
    await this.#world.run(this.#finish());
    expect(this.#model.items.size).toBe(0);
    expect(await this.#world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
  }

  async #take(one: Step): Promise<void> {
    if (one.what === 'put') await this.#put(this.#queue(one.who), one.items);
    else if (one.what === 'take') await this.#deliver(this.#queue(one.who), one.count);
    else if (one.what === 'wait') await sleep(this.#world.clock, one.ms);
    else await this.#settle(one);
  }

  #queue(at: number): ReturnType<typeof open> {
    return this.#queues[at % this.#queues.length] as ReturnType<typeof open>;
  }

  async #put(queue: ReturnType<typeof open>, items: readonly Item[]): Promise<void> {
    const ranked = queue instanceof PriorityQueue;
    const now = this.#world.clock.wall();
    const drafts = items.map((about) => ({
      value: this.#model.put(about, now),
      delayMs: about.delayMs,
      ...(ranked && { priority: about.priority }),
    }));
    expect((await queue.putMany(drafts)).every(({ added }) => added)).toBe(true);
  }

  async #deliver(queue: ReturnType<typeof open>, count: number): Promise<number> {
    const free = this.#model.free(this.#world.clock.wall());
    // It waits where there is nothing.
    const jobs = free.length === 0 ? [await queue.tryTake()] : await queue.takeMany(count);
    const values = jobs.flatMap((job) => job?.value ?? []);
    expect(values.length).toBeLessThanOrEqual(count);
    expect(values.length > 0).toBe(free.length > 0);
    // Several consumers share out what is there.
    if (this.#queues.length === 1) expect(values).toEqual(free.slice(0, values.length));
    expect(free).toEqual(expect.arrayContaining(values));
    for (const job of jobs) if (job !== undefined) this.#delivered(job);
    return values.length;
  }

  #delivered(job: Job<number>): void {
    this.#model.take(job.value);
    const times = (this.#deliveries.get(job.value) ?? 0) + 1;
    this.#deliveries.set(job.value, times);
    expect(job.attempts).toBe(times);
    expect(this.#held.map(({ value }) => value)).not.toContain(job.value);
    this.#held.push(job);
  }

  async #settle(one: Extract<Step, { what: 'ack' | 'nack' }>): Promise<void> {
    const [job] = this.#held.splice(one.which % Math.max(1, this.#held.length), 1);
    if (job === undefined) return;
    expect(job.isHeld()).toBe(true);
    if (one.what === 'ack') {
      await job.ack();
      this.#model.items.delete(job.value);
      return;
    }
    expect(await job.nack({ delayMs: one.delayMs })).toBe(true);
    this.#model.giveBack(job.value, one.delayMs, this.#world.clock.wall());
  }

  async #finish(): Promise<void> {
    while (this.#held.length > 0) await this.#settle({ what: 'ack', which: 0 });
    for (let at = 0; this.#model.items.size > 0; at++) {
      expect(await this.#deliver(this.#queue(at), 1)).toBe(1);
      await this.#settle({ what: 'ack', which: 0 });
    }
  }
}

const orders: readonly (readonly [order: string, kind: Kind])[] = [
  ['in the order of the commits, what came back in its old place', 'age'],
  ['the most urgent first, equals in the order of the commits', 'priority'],
  ['what has been due for longest first', 'due'],
];

describe('whatever is put, taken, acknowledged and given back', () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 40 });

  test.each(orders)('a single consumer gets what is free: %s', async (_, kind) => {
    const property = fc.asyncProperty(steps, (all) => new Course(kind, 1).run(all));
    await fc.assert(property, { numRuns: 100 });
  });

  test.each(kinds)('several consumers lose nothing, and get nothing twice at a time, by %s', async (kind) => {
    const property = fc.asyncProperty(steps, (all) => new Course(kind, 3).run(all));
    await fc.assert(property, { numRuns: 100 });
  });
});
