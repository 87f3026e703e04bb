import { isCoordinationError } from '../errors.js';
import type { ClientContext } from './context.js';
import { RangeView } from './range-view.js';
import { lateApplyMs, type Session } from './session.js';
import { absent, type Entry, type Guard, type Op, put, remove, unchanged } from './store.js';

/** What is known of a key, and how new that is. */
interface Seen {
  readonly revision: bigint;
  readonly entry: Entry | undefined;
}

/**
 * One key, as it is known from a watch and from the answers to one's own commits. Each commit is guarded by what is
 * known, so that acting on old knowledge does nothing but bring newer; and one whose answer is lost, or that is applied
 * late, can never touch what came after it.
 */
export class LeasedEntry {
  readonly key: string;
  readonly #client: ClientContext;
  readonly #changed: (entry: Entry | undefined) => void;
  #seen: Seen = { revision: -1n, entry: undefined };
  /** The outcome of a commit is unknown: what was seen before says nothing. */
  #doubt = false;
  #committing = false;
  #view: RangeView | undefined;
  #viewFailure: { readonly error: unknown } | undefined;
  /** Until when a put that creates the key, and was never answered, may turn up, and under which session. */
  #late: { readonly session: Session; readonly untilMs: number } | undefined;

  /** `changed` is told of what the watch shows, when no commit of one's own is under way that could have made it. */
  constructor(client: ClientContext, key: string, changed: (entry: Entry | undefined) => void) {
    this.#client = client;
    this.key = key;
    this.#changed = changed;
  }

  /** As it is now, as far as is known. No round trip, but where an answer was lost. */
  async current(session: Session): Promise<Entry | undefined> {
    if (this.#doubt) await this.look(session);
    return this.#seen.entry;
  }

  /** Reads it. One round trip. */
  async look(session: Session): Promise<void> {
    const before = this.#seen;
    const { revision, entries } = await this.#client.store.read({ key: this.key }, { timeoutMs: session.patienceMs });
    this.#doubt = false;
    this.#saw(before, { revision, entry: entries[0] });
  }

  /** Creates it, unless it is there. */
  async create(session: Session, value: Uint8Array): Promise<void> {
    const { lease } = session;
    const op = put(this.key, value, lease);
    await this.#commit(session, absent(this.key), op, (created) => {
      return { key: this.key, value, lease, created, modified: created };
    });
  }

  /** Writes another value into it, unless it has changed. */
  async write(session: Session, entry: Entry, value: Uint8Array): Promise<void> {
    const op = put(this.key, value, session.lease);
    const guard = unchanged(this.key, entry.modified);
    await this.#commit(session, guard, op, (modified) => ({ ...entry, value, modified }));
  }

  /** Deletes it, unless it has changed. Resolves to whether this very call did. */
  async remove(session: Session, entry: Entry): Promise<boolean> {
    return this.#commit(session, unchanged(this.key, entry.modified), remove(this.key), () => undefined);
  }

  /** Begins to follow it, or goes on. Throws what ended the watch, after which the next call begins anew. */
  follow(): void {
    const failure = this.#viewFailure;
    this.#viewFailure = undefined;
    if (failure !== undefined) throw failure.error;
    this.#view ??= new RangeView(
      this.#client,
      { key: this.key },
      {
        changed: (view) => this.#watched({ revision: view.revision, entry: view.entries.get(this.key) }),
        failed: (error) => {
          this.#view = undefined;
          this.#viewFailure = { error };
          this.#changed(this.#seen.entry);
        },
      },
    );
  }

  unfollow(): void {
    this.#view?.stop();
    this.#view = undefined;
  }

  /** How much longer a put of this session's may turn up, in milliseconds; 0 where all were answered. */
  lateMs(session: Session): number {
    if (this.#late?.session !== session) return 0;
    return Math.max(0, this.#late.untilMs - this.#client.clock.now());
  }

  #watched(seen: Seen): void {
    const before = this.#seen;
    if (seen.revision < before.revision) return;
    this.#seen = seen;
    // Echoes of one's own commits are no news.
    if (!this.#committing && seen.entry?.modified !== before.entry?.modified) this.#changed(seen.entry);
  }

  /** A state that was asked for is newer than what was known when asking, whatever its revision says. */
  #saw(before: Seen, { revision, entry }: Seen): void {
    if (this.#seen !== before && revision < this.#seen.revision) return;
    const newest = revision < this.#seen.revision ? this.#seen.revision : revision;
    this.#seen = { revision: newest, entry };
  }

  async #commit(
    session: Session,
    guard: Guard,
    op: Op,
    after: (revision: bigint) => Entry | undefined,
  ): Promise<boolean> {
    const before = this.#seen;
    const { store, clock } = this.#client;
    this.#committing = true;
    try {
      const options = { timeoutMs: session.patienceMs, otherwise: [{ key: this.key }] };
      const { ok, revision, reads } = await store.commit([guard], [op], options);
      this.#saw(before, { revision, entry: ok ? after(revision) : reads[0]?.[0] });
      return ok;
    } catch (error) {
      if (isCoordinationError(error, 'LEASE_NOT_FOUND')) throw session.leaseGone(error);
      if (!isCoordinationError(error, 'UNKNOWN_OUTCOME')) throw error;
      this.#doubt = true;
      if (guard.kind === 'absent') this.#late = { session, untilMs: clock.now() + lateApplyMs };
      return false;
    } finally {
      this.#committing = false;
    }
  }
}
