import { isCoordinationError } from 'coterie';
import type { SimulatedNode, SimulatedWorld } from 'coterie/testing';

/** What a wait may be ended by. */
export interface Limits {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** How a call ended: with its value, or with the code of its error; `aborted` where its caller gave up. */
export type Ended<T> = { readonly value: T } | { readonly code: string; readonly error: unknown };

/** What others keep for themselves may never come free. */
export function patient(world: SimulatedWorld, limits: Limits): Limits {
  return { timeoutMs: 4 * world.ttlMs, ...limits };
}

const changedMind = new Error('The caller has changed its mind.');

/**
 * Makes a call, and gives up on it at times: by a timeout, or by a signal. Codes that nothing in the world explains end the
 * run; see {@link explained}.
 */
export async function attempt<T>(
  world: SimulatedWorld,
  node: SimulatedNode,
  call: (limits: Limits) => Promise<T>,
  giveUp = 0.3,
): Promise<Ended<T>> {
  const { random, clock } = node;
  const timeoutMs = random.chance(giveUp) ? 1 + random.next() * 2 * world.ttlMs : undefined;
  const aborter = new AbortController();
  const abortMs = random.chance(giveUp / 2) ? random.next() * 2 * world.ttlMs : undefined;
  const cancel = abortMs === undefined ? () => {} : clock.after(abortMs, () => aborter.abort(changedMind));
  const limits = { ...(abortMs === undefined ? {} : { signal: aborter.signal }), ...(timeoutMs && { timeoutMs }) };
  try {
    return { value: await call(limits) };
  } catch (error) {
    if (error === changedMind) return { code: 'aborted', error };
    // What is no error of the library is one of the scenario, or a bug.
    if (!isCoordinationError(error)) throw error;
    return { code: error.code, error };
  } finally {
    cancel();
  }
}

/** Waits for up to so long, by the clock of the node; not after the signal aborts. */
export function pause(node: SimulatedNode, mostMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = node.clock.after(node.random.next() * mostMs, end);
    signal?.addEventListener('abort', end);
  });
}
