/** A semaphore under everything that can happen to it at once, held against its log, revision by revision. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Batch, Entry } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { type Permits, Semaphore } from '../../../src/recipes/semaphore.js';
import { type Node, ttlMs, World } from './world.js';

const path = '/permits/random';
const limitKey = `${path}/limit`;
const initial = 3;

interface Step {
  readonly who: number;
  readonly what: 'acquire' | 'try' | 'release' | 'abort' | 'revoke' | 'cut' | 'heal' | 'lose' | 'drop' | 'resize';
  readonly count: number;
  readonly ms: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  who: fc.nat(5),
  what: fc.constantFrom(
    ...(['acquire', 'acquire', 'acquire', 'try', 'release', 'release', 'release'] as const),
    ...(['abort', 'revoke', 'cut', 'heal', 'heal', 'lose', 'drop', 'resize'] as const),
  ),
  count: fc.integer({ min: 1, max: 5 }),
  ms: fc.constantFrom(0, 1, 5, 15, 40, 900),
});

/** What the log of the store says of who may hold. */
class Truth {
  readonly #tickets = new Map<string, Entry>();
  #limit = initial;
  /** The greatest limit so far. */
  most = initial;
  /** The tokens of all that were within the limit at some revision. */
  readonly entitled = new Set<bigint>();

  apply(batch: Batch): void {
    if (batch.kind === 'changes') for (const key of batch.deletes) this.#tickets.delete(key);
    for (const entry of batch.kind === 'snapshot' ? batch.entries : batch.puts) {
      if (entry.key === limitKey) this.#limit = Number(JSON.parse(Buffer.from(entry.value).toString()).limit);
      else this.#tickets.set(entry.key, entry);
    }
    this.most = Math.max(this.most, this.#limit);
    let sum = 0;
    for (const { created, value } of [...this.#tickets.values()].sort((a, b) => Number(a.created - b.created))) {
      sum += Number(JSON.parse(Buffer.from(value).toString()).permits);
      if (sum <= this.#limit) this.entitled.add(created);
    }
  }

  has({ key, token }: Permits): boolean {
    return this.#tickets.get(key)?.created === token;
  }
}

interface Person {
  readonly node: Node;
  hold?: Permits | undefined;
  stop?: AbortController | undefined;
}

class Course {
  readonly #world = new World();
  readonly #truth = new Truth();
  readonly #people: readonly Person[];
  readonly #granted = new Set<Permits>();
  readonly #open: Promise<unknown>[] = [];
  readonly #failures: unknown[] = [];
  readonly #log = this.#world.cluster.store().watch({ prefix: `${path}/` });

  constructor(delayMs: number) {
    this.#people = Array.from({ length: 6 }, () => ({ node: this.#world.node() }));
    for (const { node } of this.#people) node.store.delay(delayMs);
    this.#follow(
      (async () => {
        for await (const batch of this.#log) this.#truth.apply(batch);
      })(),
    );
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      const person = this.#people[one.who];
      if (person !== undefined) this.#take(person, one);
      await this.#world.clock.advance(one.ms);
      this.#check();
    }
    await this.#end();
  }

  #take(person: Person, { what, count }: Step): void {
    const { store, client } = person.node;
    if (what === 'acquire' || what === 'try') this.#acquire(person, what, count);
    else if (what === 'release') this.#follow(person.hold?.release());
    else if (what === 'abort') person.stop?.abort();
    else if (what === 'revoke') this.#world.cluster.revokeLease(client.liveSession()?.lease ?? '');
    else if (what === 'cut') store.partition();
    else if (what === 'lose') store.dropAnswers({ verb: 'commit' });
    else if (what === 'drop') store.dropRequests();
    else if (what === 'resize') this.#follow(this.#semaphore(person).resize(count));
    else for (const { node } of this.#people) node.store.heal();
  }

  #semaphore({ node }: Person): Semaphore {
    return new Semaphore(node.client, path, { permits: initial });
  }

  #acquire(person: Person, how: 'acquire' | 'try', count: number): void {
    if (person.stop !== undefined) return;
    person.stop = new AbortController();
    const { signal } = person.stop;
    const semaphore = this.#semaphore(person);
    const asked = how === 'try' ? semaphore.tryAcquire(count, { signal }) : semaphore.acquire(count, { signal });
    const got = asked.then((hold) => {
      if (hold === undefined) person.stop = undefined;
      else this.#served(person, hold);
    });
    this.#follow(
      got.catch((error: unknown) => {
        person.stop = undefined;
        if (!signal.aborted) throw error;
      }),
    );
  }

  #served(person: Person, hold: Permits): void {
    this.#granted.add(hold);
    person.hold = hold;
    hold.signal.addEventListener('abort', () => {
      person.hold = undefined;
      person.stop = undefined;
    });
    if (!hold.signal.aborted) return;
    person.hold = undefined;
    person.stop = undefined;
  }

  #follow(promise: Promise<unknown> | undefined): void {
    if (promise === undefined) return;
    this.#open.push(
      promise.catch((error: unknown) => {
        if (!isCoordinationError(error)) this.#failures.push(error);
      }),
    );
  }

  #check(): void {
    let sum = 0;
    for (const hold of this.#granted) {
      expect(this.#truth.entitled.has(hold.token), `${hold.key} was served out of turn`).toBe(true);
      if (this.#truth.has(hold)) sum += hold.permits;
      else this.#granted.delete(hold);
    }
    expect(sum).toBeLessThanOrEqual(this.#truth.most);
  }

  async #end(): Promise<void> {
    for (const { node } of this.#people) node.store.heal();
    for (let round = 0; round < 14; round++) {
      await this.#world.clock.advance(ttlMs);
      this.#check();
      for (const { hold } of this.#people) this.#follow(hold?.release());
    }
    expect(this.#people.filter(({ stop }) => stop !== undefined)).toEqual([]);
    const last = new Semaphore(this.#world.node().client, path, { permits: initial });
    const hold = await this.#world.run(last.limit().then((limit) => last.acquire(limit)));
    await hold.release();
    await this.#log.return();
    await this.#world.run(Promise.all(this.#open));
    expect(this.#failures).toEqual([]);
    const left = await this.#world.end();
    expect({ ...left, keys: left.keys.filter((key) => key !== limitKey) }).toEqual({ keys: [], leases: 0, timers: 0 });
  }
}

test('nobody is served but within the limit, of those in front, and all get on and clean up', async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 70 });
  const course = fc.asyncProperty(fc.constantFrom(0, 2, 20), steps, (delayMs, all) => new Course(delayMs).run(all));
  await fc.assert(course, { numRuns: 300 });
}, 120_000);
