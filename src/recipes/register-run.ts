import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import { orAbort, type Scope } from '../core/signals.js';
import { absent, type Commit, type Entry, type Guard, type Op, put, remove, unchanged } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { retrying } from './line-session.js';
import type { Slot } from './register-slot.js';

/** What is to become of a register: other bytes (on a lease, or durable), nothing, or what it was. */
export type Decision = { readonly put: Uint8Array; readonly leased?: boolean } | 'delete' | 'keep';

/** What a register was seen to be. */
export type Seen = Pick<Entry, 'value' | 'modified'>;

/** What a change has come to: the decision that counted, and what it was made of. */
export interface Changed {
  readonly before: Seen | undefined;
  readonly decision: Decision;
}

/** How an attempt ended: with a change, this one's or an earlier one's, or without; and what the register is now. */
export type Answer = { readonly changed?: Changed; readonly seen: Seen | undefined } | 'slot lost';

/** One change on its way: attempts that follow each other, of which at most one is applied. */
export class Run {
  readonly #client: ClientContext;
  readonly #key: string;
  readonly #slot: Slot;
  readonly #scope: Scope;
  readonly #blind: boolean;
  /** Attempts that may have been applied, by name. */
  readonly #doubtful = new Map<string, Changed>();
  #open = false;

  /** `blind`: it does not look at what it overwrites. */
  constructor(client: ClientContext, key: string, slot: Slot, scope: Scope, blind: boolean) {
    this.#client = client;
    this.#key = key;
    this.#slot = slot;
    this.#scope = scope;
    this.#blind = blind;
  }

  /** Whether anything that was sent may still be applied. */
  get open(): boolean {
    return this.#open;
  }

  /** Whether it is not known of some attempt what became of it. */
  get inDoubt(): boolean {
    return this.#doubtful.size > 0;
  }

  /** Sends one attempt until it is answered. */
  async commit(changed: Changed): Promise<Answer> {
    const { clock, random, store } = this.#client;
    const { session } = this.#slot;
    const backoff = new Backoff(clock, random);
    const name = this.#slot.nextName();
    const guards = [this.#slot.guard(), ...(this.#blind ? [] : [guardOf(this.#key, changed.before)])];
    const ops = [this.#slot.note(name), ...this.#opsOf(changed.decision)];
    const otherwise = [{ key: this.#slot.key }, { key: this.#key }];
    for (;;) {
      this.#open = true;
      try {
        const sent = store.commit(guards, ops, { timeoutMs: session.patienceMs, otherwise });
        const commit = await orAbort(sent, this.#scope);
        return commit.ok ? this.#applied(changed, commit) : await this.#refused(commit);
      } catch (error) {
        if (isCoordinationError(error, 'LEASE_NOT_FOUND')) return this.#leaseGone(error);
        this.#failed(name, changed, error);
      }
      await backoff.wait(this.#scope);
    }
  }

  /**
   * The slot is gone: with its lease, or by somebody's hand. What was in doubt stays so, except where the register is
   * still what it was before; for without its lease, or its slot, a change can not be applied any more.
   */
  async settle(read: () => Promise<Seen | undefined>): Promise<void> {
    if (this.inDoubt) {
      const over = !(await this.#verified());
      const seen = await read().catch((error: unknown) => {
        this.#scope.throwIfAborted();
        // That the store does not let us look now says nothing of what it has done before.
        throw this.#unknown(error);
      });
      const [first] = this.#doubtful.values();
      const untouched = seen !== undefined && seen.modified === first?.before?.modified;
      if (this.#blind || !over || !untouched) throw this.#unknown();
    }
    this.#open = false;
  }

  #opsOf(decision: Decision): Op[] {
    if (decision === 'keep') return [];
    if (decision === 'delete') return [remove(this.#key)];
    return [put(this.#key, decision.put, decision.leased ? this.#slot.session.lease : undefined)];
  }

  /** Throws what repeating does not mend. */
  #failed(name: string, changed: Changed, error: unknown): void {
    const unknown = isCoordinationError(error, 'UNKNOWN_OUTCOME');
    if (unknown || this.#scope.aborted) this.#slot.doubt();
    this.#scope.throwIfAborted();
    if (unknown) this.#doubtful.set(name, changed);
    else this.#open = this.inDoubt;
    // What the store refuses now says nothing of the attempts before it.
    if (!unknown && !isRetryable(error)) throw this.inDoubt ? this.#unknown(error) : error;
  }

  #applied(changed: Changed, { revision }: Commit): Answer {
    const { decision, before } = changed;
    if (decision === 'keep') return this.#done(changed, revision, before);
    const seen = decision === 'delete' ? undefined : { value: decision.put, modified: revision };
    return this.#done(changed, revision, seen);
  }

  async #refused({ reads }: Commit): Promise<Answer> {
    const [note, seen] = [reads[0]?.[0], reads[1]?.[0]];
    this.#open = this.inDoubt;
    const news = this.#slot.look(note);
    if (news !== undefined) {
      const changed = news === 'lost' ? undefined : this.#doubtful.get(news.name);
      return changed === undefined || note === undefined ? 'slot lost' : this.#done(changed, note.modified, seen);
    }
    // A slot that was never seen can have come, and gone with its lease.
    if (this.inDoubt && note === undefined && !(await this.#verified())) return 'slot lost';
    // What was to replace a write that is no longer the last one never will. What was to be the first one still could.
    for (const [name, { before }] of this.#doubtful) if (before !== undefined) this.#doubtful.delete(name);
    this.#open = this.inDoubt;
    return { seen };
  }

  /** The slot stands at this change now, so that none of the other attempts can be applied any more. */
  #done(changed: Changed, revision: bigint, seen: Seen | undefined): Answer {
    this.#slot.noted(revision);
    this.#open = false;
    return { changed, seen };
  }

  #leaseGone(cause: unknown): Answer {
    this.#open = this.inDoubt;
    this.#slot.session.leaseGone(cause);
    return 'slot lost';
  }

  /** Whether the slot's lease is alive, by the word of the store. */
  #verified(): Promise<boolean> {
    const { session } = this.#slot;
    return orAbort(
      retrying(this.#client, this.#scope, () => session.verify()),
      this.#scope,
    );
  }

  #unknown(cause?: unknown): CoordinationError {
    const key = this.#key;
    const why =
      cause === undefined ? 'the session ended before an answer came' : 'an answer was missing, and then came this';
    const sentence = `It cannot be told whether "${printable(key)}" was changed: ${why}.`;
    return new CoordinationError('UNKNOWN_OUTCOME', sentence, { key, lease: this.#slot.session.lease, cause });
  }
}

function guardOf(key: string, seen: Seen | undefined): Guard {
  return seen === undefined ? absent(key) : unchanged(key, seen.modified);
}
