import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import type { Session } from '../core/session.js';
import { orAbort } from '../core/signals.js';
import { type CallOptions, type Entry, type Guard, type Op, type Query, remove } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable } from '../errors.js';
import type { Remembered } from './queue-remembered.js';

export interface AckOptions extends CallOptions {
  /** Written in the same commit as the acknowledgement, or not at all: the effect of the job, exactly once. */
  readonly ops?: readonly Op[] | undefined;
}

export interface NackOptions extends CallOptions {
  /** How long nobody gets it, in milliseconds from 0, by the wall clocks of this and the next consumer. Default 0. */
  readonly delayMs?: number | undefined;
}

/** The last commit about an item that is held. */
export interface Settlement {
  readonly client: ClientContext;
  readonly session: Session;
  /** That the claim still stands. */
  readonly guard: Guard;
  readonly remembered: Remembered;
  /** Asked for at each attempt. Must take the claim away, but for {@link handBack}. */
  readonly ops: () => Promise<readonly Op[]> | readonly Op[];
  /** What to read where the claim is gone. */
  readonly otherwise: readonly Query[];
}

/** How it ended. `unknown`: an attempt was not answered, and may have been the one that did it. */
type Settled =
  | { readonly kind: 'done' }
  | { readonly kind: 'gone'; readonly unknown: boolean; readonly reads: readonly (readonly Entry[])[] }
  /** The session ended before. */
  | { readonly kind: 'over'; readonly unknown: boolean };

/**
 * Makes a commit that ends a claim, through lost answers and outages, for as long as the session lives. To repeat it is
 * safe, since the claim's key is never used again. Rejects with what the store refuses; with `UNKNOWN_OUTCOME`, where an earlier
 * attempt was not answered.
 */
export async function settle({ client, session, guard, remembered, ops, otherwise }: Settlement): Promise<Settled> {
  const backoff = new Backoff(client.clock, client.random);
  let unknown = false;
  let orphaned = false;
  while (session.isLive() || session.state.kind === 'uncertain') {
    let sent = false;
    try {
      const last = await orAbort(Promise.resolve(ops()), session.signal);
      sent = true;
      const call = { timeoutMs: session.patienceMs, otherwise };
      const { ok, reads } = await orAbort(client.store.commit([guard], last, call), session.signal);
      return ok ? { kind: 'done' } : { kind: 'gone', unknown, reads };
    } catch (error) {
      if (session.signal.aborted) unknown ||= sent;
      else if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) unknown = true;
      else if (isCoordinationError(error, 'LEASE_NOT_FOUND') && !orphaned) {
        // The lease of the memory, which somebody revoked; one among the caller's own steps would be missed again.
        orphaned = true;
        remembered.gone();
      } else if (!isRetryable(error)) throw refusal(error, unknown);
      await backoff.wait(session.signal).catch(() => {});
    }
  }
  return { kind: 'over', unknown };
}

/** That an attempt was refused does not say that none before it was applied. */
function refusal(error: unknown, unknown: boolean): unknown {
  if (!unknown) return error;
  const sentence = 'It cannot be told what became of the item: no answer came, and trying again failed.';
  return new CoordinationError('UNKNOWN_OUTCOME', sentence, { cause: error });
}

/**
 * As {@link settle}, for what is given back: the claim, by its key, is taken away with it. Resolves to whether it was still held. Whoever gave
 * it up does not come back for it: a claim that was not seen to go, since the store refused what was to be written with
 * that, would keep the item from all others for as long as the session lives. So it is taken away in the background.
 */
export async function handBack(settlement: Settlement, key: string): Promise<boolean> {
  let settled: Settled | undefined;
  const ops = async (): Promise<readonly Op[]> => [...(await settlement.ops()), remove(key)];
  try {
    settled = await settle({ ...settlement, ops });
    if (settled.kind !== 'gone' || !settled.unknown) return settled.kind === 'done';
    // By an attempt of this, unless it went with the lease: after a sleep of the machine, nobody was told of that yet.
    return await settlement.session.verify().catch(() => false);
  } finally {
    if (settled?.kind !== 'done') void settlement.session.cleanUp(key, false);
  }
}
