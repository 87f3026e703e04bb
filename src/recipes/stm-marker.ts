import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import type { Session } from '../core/session.js';
import type { Marker } from '../core/session-names.js';
import { orAbort, type Scope } from '../core/signals.js';
import { absent, type Commit, type Guard, type Op, put, type Query, unchanged } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { retrying } from './line-session.js';

/** A commit of which it has to be known whether it was made. */
export interface MarkedCommit {
  readonly guards: readonly Guard[];
  readonly ops: readonly Op[];
  readonly otherwise: readonly Query[];
}

/** What a marker's value says of the commit that was to put it: made, or made impossible. */
const made = '1'.charCodeAt(0);
const prevented = '0'.charCodeAt(0);

/**
 * Makes a commit exactly once, or not at all, through lost answers. One round trip when all is well.
 *
 * With it goes a write to a marker, a key that nothing else uses meanwhile, guarded by how the marker was before. Where no
 * answer comes, the marker is written again under the same guard. If that succeeds, the commit was not made, and never will
 * be, however late it may yet arrive; if not, the marker says that it was. The marker hangs on the session's lease, and
 * stays for a later commit.
 *
 * Rejects with `UNKNOWN_OUTCOME` where the caller's time was over, or the marker gone, before it could be told.
 */
export async function commitMarked(
  client: ClientContext,
  scope: Scope,
  path: string,
  commit: MarkedCommit,
): Promise<Commit> {
  for (;;) {
    const session = client.liveSession() ?? (await openSession(client, scope));
    try {
      return await new MarkedTry(client, scope, session, path, commit).run();
    } catch (error) {
      // Nothing was made: what could not be put was not.
      if (!isCoordinationError(error, 'LEASE_NOT_FOUND')) throw error;
      session.leaseGone(error);
    }
  }
}

function openSession(client: ClientContext, scope: Scope): Promise<Session> {
  return orAbort(
    retrying(client, scope, () => client.session()),
    scope,
  );
}

class MarkedTry {
  readonly #client: ClientContext;
  readonly #scope: Scope;
  readonly #session: Session;
  readonly #path: string;
  readonly #commit: MarkedCommit;
  readonly #backoff: Backoff;
  readonly #idle: Marker[];
  #marker: Marker;

  constructor(client: ClientContext, scope: Scope, session: Session, path: string, commit: MarkedCommit) {
    this.#client = client;
    this.#scope = scope;
    this.#session = session;
    this.#path = path;
    this.#commit = commit;
    this.#backoff = new Backoff(client.clock, client.random);
    this.#idle = session.names.idleMarkers(path);
    this.#marker = this.#idle.pop() ?? this.#newMarker();
  }

  async run(): Promise<Commit> {
    try {
      let commit: Commit | undefined;
      while (commit === undefined) commit = await this.#once();
      this.#idle.push(this.#marker);
      return commit;
    } catch (error) {
      // Where the put of it may still be under way, nobody knows any more how it was before the next commit.
      if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) void this.#session.cleanUp(this.#marker.key, true);
      else this.#idle.push(this.#marker);
      throw error;
    }
  }

  #newMarker(): Marker {
    return { key: this.#session.names.takeTicket(this.#path), modified: undefined };
  }

  /** The answer; undefined where it has to be sent again. What it rejects with, but for unknown outcomes, came of nothing. */
  async #once(): Promise<Commit | undefined> {
    const { guards, ops, otherwise } = this.#commit;
    let commit: Commit;
    try {
      commit = await this.#send(guards, ops, made, otherwise);
    } catch (error) {
      // One whose client was closed under it may have been applied as well as one that nobody waits for any more.
      if (this.#scope.aborted || isCoordinationError(error, 'CLOSED')) throw this.#unknown(error);
      const found = isCoordinationError(error, 'UNKNOWN_OUTCOME') ? await this.#findOut(error) : undefined;
      if (found !== undefined) return found;
      if (!isRetryable(error) && !isCoordinationError(error, 'UNKNOWN_OUTCOME')) throw error;
      await this.#backoff.wait(this.#scope);
      return undefined;
    }
    if (commit.ok) {
      this.#marker.modified = commit.revision;
      return commit;
    }
    const [marker, ...reads] = commit.reads;
    if (marker?.[0]?.modified === this.#marker.modified) return { ...commit, reads };
    // Somebody has deleted it, or its lease is over: which of the two, the next put will tell.
    this.#marker = this.#newMarker();
    return undefined;
  }

  /** After a commit that was not answered: what its answer would be, or undefined where it was not made. */
  async #findOut(cause: unknown): Promise<Commit | undefined> {
    for (;;) {
      if (this.#scope.aborted) throw this.#unknown(cause);
      const asked = await this.#prevent();
      if (asked === undefined) continue;
      if (asked.ok) {
        this.#marker.modified = asked.revision;
        return undefined;
      }
      const marker = asked.reads[0]?.[0];
      const [said] = marker?.value ?? [];
      if (marker === undefined || (said !== made && said !== prevented)) throw this.#unknown(cause);
      this.#marker.modified = marker.modified;
      return said === made ? { ok: true, revision: marker.modified, reads: [] } : undefined;
    }
  }

  async #prevent(): Promise<Commit | undefined> {
    try {
      return await this.#send([], [], prevented, []);
    } catch (error) {
      const passes = isCoordinationError(error, 'UNKNOWN_OUTCOME') || isRetryable(error);
      if (this.#scope.aborted || !passes) throw this.#unknown(error);
      await this.#backoff.wait(this.#scope).catch(() => {});
      return undefined;
    }
  }

  #send(guards: readonly Guard[], ops: readonly Op[], mark: number, otherwise: readonly Query[]): Promise<Commit> {
    const { key, modified } = this.#marker;
    const { lease, patienceMs: timeoutMs } = this.#session;
    const asBefore = modified === undefined ? absent(key) : unchanged(key, modified);
    const sent = this.#client.store.commit([asBefore, ...guards], [...ops, put(key, Uint8Array.of(mark), lease)], {
      timeoutMs,
      otherwise: [{ key }, ...otherwise],
    });
    return orAbort(sent, this.#scope);
  }

  #unknown(cause: unknown): CoordinationError {
    const { key } = this.#marker;
    const sentence = `It cannot be told whether a transaction was committed: its marker "${printable(key)}" could not be asked.`;
    return new CoordinationError('UNKNOWN_OUTCOME', sentence, { key, cause });
  }
}
