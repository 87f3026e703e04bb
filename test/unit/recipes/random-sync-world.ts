import { sleep } from '../../../src/core/signals.js';
import { isCoordinationError } from '../../../src/errors.js';
import { type Node, ttlMs, World } from './world.js';

/** The same numbers for the same seed (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed + 0x9e3779b9;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** An integer from 0 to below `below`. */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(from: readonly T[]): T {
    // There is always something to pick from.
    return from[this.int(from.length)] as T;
  }
}

/** How a call ended: with its value, or with the code of its error, or aborted by its caller. */
export type Ended<T> = { readonly value: T } | { readonly failed: string };

/** What may have been done, or not, when a call ended like this. */
export const ambiguous: readonly string[] = ['aborted', 'TIMEOUT', 'UNKNOWN_OUTCOME'];

const abortion = new Error('enough');

/** Runs a call that is given up at times, by its timeout or its signal. */
export async function attempt<T>(
  world: World,
  chance: Chance,
  call: (options: { signal?: AbortSignal; timeoutMs?: number }) => Promise<T>,
): Promise<Ended<T>> {
  const aborter = new AbortController();
  const manner = chance.int(6);
  const cancel = manner === 0 ? world.clock.after(chance.int(4_000), () => aborter.abort(abortion)) : () => {};
  try {
    const timeoutMs = manner === 1 ? { timeoutMs: 1 + chance.int(4_000) } : {};
    return { value: await call({ signal: aborter.signal, ...timeoutMs }) };
  } catch (error) {
    if (error === abortion) return { failed: 'aborted' };
    if (isCoordinationError(error)) return { failed: error.code };
    throw error;
  } finally {
    cancel();
  }
}

/** Strikes nodes at random until it is told to stop; then all is well again. */
export async function trouble(
  world: World,
  chance: Chance,
  nodes: readonly Node[],
  stopped: () => boolean,
  paceMs = 600,
): Promise<void> {
  while (!stopped()) {
    await sleep(world.clock, chance.int(paceMs));
    // The newest ones: of some tests, the others are gone.
    const { store, client } = chance.pick(nodes.slice(-8));
    const count = 1 + chance.int(3);
    const strikes: (() => void)[] = [
      () => store.dropAnswers({ verb: 'commit', count }),
      () => store.dropAnswers({ count }),
      () => store.dropRequests({ count }),
      () => store.partition(),
      () => store.heal(),
      () => store.heal(),
      () => store.delay(chance.pick([0, 5, 100, 400, 900, 3_000, 12_000])),
      () => store.delay(0),
      () => store.interrupt(),
      () => world.cluster.compact(),
      () => {
        const session = client.liveSession();
        if (session !== undefined && chance.int(2) === 0) world.cluster.revokeLease(session.lease);
      },
    ];
    chance.pick(strikes)();
  }
  heal(nodes);
}

function heal(nodes: readonly Node[]): void {
  for (const { store } of nodes) {
    store.delay(0);
    store.heal();
  }
}

/** Runs one seed of a test, and says which it was where it fails. */
export async function seeds(count: number, run: (world: World, chance: Chance) => Promise<void>): Promise<void> {
  const { COTERIE_SEED: only, COTERIE_SEEDS: wanted } = process.env;
  const first = Number(only ?? 0);
  const end = only === undefined ? Number(wanted ?? count) : first + 1;
  for (let seed = first; seed < end; seed++) {
    const world = new World();
    try {
      await run(world, new Chance(seed));
      const { leases, timers } = await world.end();
      if (leases + timers > 0) throw new Error(`left over: ${leases} leases, ${timers} timers`);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Seed ${seed}: ${why}. To see it again: COTERIE_SEED=${seed}`, { cause });
    }
  }
}

/** Longer than anything in these tests goes on once all is well again. */
export const healedMs = 40 * ttlMs;
