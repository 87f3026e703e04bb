import { Backoff } from '../core/backoff.js';
import { checkTtl, checkWord, invalidOption } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { Session } from '../core/session.js';
import { openScope, orAbort, type Scope, type Stop } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { isCoordinationError, isRetryable } from '../errors.js';

/** Which session a recipe holds by. Either `session` or `ttlMs`, or neither. */
export interface SessionChoice {
  /**
   * Share the client's session of this time to live, in milliseconds, within the bounds of the store. Default: that of
   * the client.
   */
  readonly ttlMs?: number | undefined;
  /** Hold by this session, and never by another. Default: the client's shared session. */
  readonly session?: Session | undefined;
  /**
   * What becomes of a waiter whose session is lost. `rejoin`: it takes a new ticket, at the end of the line, on a new
   * session, behind the same promise. `reject`: it rejects with `SESSION_LOST`. Default `rejoin`, except with `session`,
   * where there is no other session to turn to.
   */
  readonly onSessionLost?: 'rejoin' | 'reject' | undefined;
}

/** Where a line gets its session from. */
export interface SessionSource {
  readonly rejoin: boolean;
  get(scope: Scope): Promise<Session>;
}

/** Runs a call of the store again for as long as it fails in a way that passes by itself, with growing pauses. */
export async function retrying<T>(client: ClientContext, signal: Stop, call: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(client.clock, client.random);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await backoff.wait(signal);
    }
  }
}

/** Waits until the session is certainly live, which takes no time but where it is in doubt; throws why it is not. */
export async function confirmed(client: ClientContext, session: Session, scope: Scope): Promise<void> {
  if (session.isLive()) return;
  // The store is waited for as in every wait, and no longer than the caller wants.
  await orAbort(
    retrying(client, scope, () => session.confirm()),
    scope,
  );
}

/**
 * Tries to be served for as long as the caller allows, on another session where one died under a waiter, if the source
 * has more than one. `what` is for the sentence of a `TIMEOUT`.
 */
export async function servedBy<T>(
  { clock }: ClientContext,
  sessions: SessionSource,
  { signal, timeoutMs }: CallOptions,
  what: string,
  attempt: (session: Session, scope: Scope) => Promise<T>,
): Promise<T> {
  const deadline = timeoutMs === undefined ? undefined : clock.now() + timeoutMs;
  let leftMs = timeoutMs;
  for (;;) {
    const scope = openScope(clock, { signal, timeoutMs: leftMs }, what, timeoutMs);
    try {
      return await attempt(await sessions.get(scope), scope);
    } catch (error) {
      // The session died under the waiter; nobody else ended the wait. Behind the same promise, line up again.
      if (!isCoordinationError(error, 'SESSION_LOST') || !sessions.rejoin) throw error;
      signal?.throwIfAborted();
    } finally {
      scope[Symbol.dispose]();
    }
    if (deadline !== undefined) leftMs = Math.max(1, deadline - clock.now());
  }
}

/** The names of the options of {@link SessionChoice}. */
export const sessionOptions = ['session', 'ttlMs', 'onSessionLost'] as const;

function checkChoice(client: ClientContext, { session, ttlMs, onSessionLost }: SessionChoice): void {
  if (ttlMs !== undefined) checkTtl(ttlMs, client.store.traits);
  if (session !== undefined && !(session instanceof Session)) {
    throw invalidOption('session', 'session must be a Session, as client.openSession() gives.');
  }
  if (session !== undefined && ttlMs !== undefined) {
    throw invalidOption('ttlMs', 'Give either session or ttlMs: a session has its time to live already.');
  }
  checkWord(onSessionLost, 'onSessionLost', ['rejoin', 'reject']);
  if (session !== undefined && onSessionLost === 'rejoin') {
    throw invalidOption(
      'onSessionLost',
      '"rejoin" needs the client\'s own sessions: leave out session, or use "reject".',
    );
  }
}

/** Turns a recipe's options into the source of its sessions, or refuses them with `INVALID_OPTION` or `INVALID_TTL`. */
export function sessionSource(client: ClientContext, choice: SessionChoice): SessionSource {
  checkChoice(client, choice);
  const { session, ttlMs, onSessionLost = 'rejoin' } = choice;
  if (session === undefined) {
    const open = (scope: Scope) => retrying(client, scope, () => client.session({ signal: scope.signal, ttlMs }));
    const get = async (scope: Scope) => client.liveSession(ttlMs) ?? (await open(scope));
    return { rejoin: onSessionLost === 'rejoin', get };
  }
  const get = async (scope: Scope): Promise<Session> => {
    await confirmed(client, session, scope);
    return session;
  };
  return { rejoin: false, get };
}
