import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import { orAbort, type Scope } from '../core/signals.js';
import { absent, type Commit, type Entry, type Guard, type Op, put, remove, unchanged } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { retrying, type SessionSource } from './line-session.js';
import { Slot } from './register-slot.js';

/** What is to become of a register: other bytes (on a lease, or durable), nothing, or what it was. */
export type Decision = { readonly put: Uint8Array; readonly leased?: boolean } | 'delete' | 'keep';

/** What the register was seen to be. */
export type Seen = Pick<Entry, 'value' | 'modified'>;

/** Looks at the register and decides. Called again whenever somebody else was quicker. */
export type Decide = (seen: Seen | undefined) => Decision | Promise<Decision>;

/** What a change has come to: the decision that counted, and what it was made of. */
export interface Changed {
  readonly before: Seen | undefined;
  readonly decision: Decision;
}

/** A change under way. */
interface Run {
  readonly scope: Scope;
  readonly slot: Slot;
  /** Does not look at what it overwrites. */
  readonly blind: boolean;
  /** Attempts that may have been applied, by name. */
  readonly doubtful: Map<string, Changed>;
  /** Whether anything that was sent may still be applied. */
  open: boolean;
}

type Answer = { readonly changed: Changed } | { readonly seen: Seen | undefined } | 'slot lost';

/**
 * One key that is read, and changed by compare-and-set, each change exactly once: through lost answers and late
 * applications, however many others write at the same time. See {@link Slot} for how. The changes of one register are
 * made one after the other.
 */
export class Register {
  readonly key: string;
  readonly #client: ClientContext;
  readonly #sessions: SessionSource;
  #slot: Slot | undefined;
  /** As it was when last seen. A guess to begin with, which spares a read where nobody else writes. */
  #seen: Seen | undefined;
  /** Resolves when the change before has ended. */
  #turn: Promise<void> = Promise.resolve();

  constructor(client: ClientContext, key: string, sessions: SessionSource) {
    this.key = key;
    this.#client = client;
    this.#sessions = sessions;
  }

  /** The entry now; outages are waited out. One round trip. */
  async read(scope: Scope): Promise<Entry | undefined> {
    const { store } = this.#client;
    const { signal } = scope;
    const { entries } = await retrying(this.#client, scope, () => store.read({ key: this.key }, { signal }));
    const entry = entries[0];
    this.#seen = entry;
    return entry;
  }

  /**
   * Changes the register, exactly once. `blind`: whatever it was. Rejects with the reason of the scope, after which the
   * change may or may not have been made, may even be made later; with what `decide` throws; with `UNKNOWN_OUTCOME` where
   * the session ended while the outcome was in doubt; or with an error of the store that repeating does not mend. One
   * round trip where nobody else writes.
   */
  async change(scope: Scope, decide: Decide, { blind = false } = {}): Promise<Changed> {
    const before = this.#turn;
    let over = (): void => {};
    this.#turn = new Promise((resolve) => {
      over = resolve;
    });
    try {
      await orAbort(before, scope);
      return await this.#change(scope, decide, blind);
    } finally {
      // One that gave up in the queue must not let the next one overtake.
      void before.then(over);
    }
  }

  async #change(scope: Scope, decide: Decide, blind: boolean): Promise<Changed> {
    for (;;) {
      const slot = await this.#takeSlot(scope);
      const run: Run = { scope, slot, blind, doubtful: new Map(), open: false };
      try {
        const changed = await this.#attempts(run, decide);
        if (changed !== undefined) return changed;
      } finally {
        if (run.open) slot.drop();
        else slot.rest(this.#client.clock);
      }
    }
  }

  /** Decides and tries until it is done; undefined where it has to begin anew, with another slot. */
  async #attempts(run: Run, decide: Decide): Promise<Changed | undefined> {
    const { clock, random } = this.#client;
    const backoff = new Backoff(clock, random, { baseMs: 5, capMs: 250 });
    let before = this.#seen;
    for (let attempt = 1, fresh = run.blind; ; fresh = true) {
      const decision = await orAbort(decideOn(before, fresh, decide), run.scope);
      if (decision === 'look again') {
        before = await this.#readFresh(run);
        continue;
      }
      const changed = { before, decision };
      // While anything is in doubt, that there is nothing to do is noted too: then it cannot be done any more.
      if (decision === 'keep' && run.doubtful.size === 0) return changed;
      const answer = await this.#commit(run, changed);
      if (answer === 'slot lost') return await this.#slotLost(run);
      if ('changed' in answer) return answer.changed;
      before = answer.seen;
      // Nobody waits for the first time: to be refused is also how a first look is had.
      if (attempt++ > 1) await backoff.wait(run.scope);
    }
  }

  #readFresh(run: Run): Promise<Seen | undefined> {
    return orAbort(this.read(run.scope), run.scope);
  }

  /** Sends one attempt until it is answered. */
  async #commit(run: Run, changed: Changed): Promise<Answer> {
    const { store, clock, random } = this.#client;
    const { slot, scope } = run;
    const backoff = new Backoff(clock, random);
    const name = slot.nextName();
    const guards = [slot.guard(), ...(run.blind ? [] : [guardOf(this.key, changed.before)])];
    const ops = [slot.note(name), ...this.#opsOf(changed.decision, slot)];
    const options = { timeoutMs: slot.session.patienceMs, otherwise: [{ key: slot.key }, { key: this.key }] };
    for (;;) {
      run.open = true;
      try {
        const commit = await orAbort(store.commit(guards, ops, options), scope);
        run.open = run.doubtful.size > 0;
        return commit.ok ? this.#applied(run, changed, commit) : this.#refused(run, commit);
      } catch (error) {
        const unknown = isCoordinationError(error, 'UNKNOWN_OUTCOME');
        if (unknown || scope.aborted) slot.doubt();
        scope.throwIfAborted();
        if (unknown) run.doubtful.set(name, changed);
        else {
          run.open = run.doubtful.size > 0;
          if (isCoordinationError(error, 'LEASE_NOT_FOUND')) return this.#leaseGone(slot, error);
          if (!isRetryable(error)) throw error;
        }
        await backoff.wait(scope);
      }
    }
  }

  #opsOf(decision: Decision, { session }: Slot): Op[] {
    if (decision === 'keep') return [];
    if (decision === 'delete') return [remove(this.key)];
    return [put(this.key, decision.put, decision.leased ? session.lease : undefined)];
  }

  #applied(run: Run, changed: Changed, { revision }: Commit): Answer {
    const { decision } = changed;
    if (decision === 'delete') this.#seen = undefined;
    else if (decision !== 'keep') this.#seen = { value: decision.put, modified: revision };
    return done(run, changed, revision);
  }

  #refused(run: Run, { reads }: Commit): Answer {
    const [note, seen] = [reads[0]?.[0], reads[1]?.[0]];
    const { slot, doubtful } = run;
    this.#seen = seen;
    const news = slot.look(note);
    if (news === undefined) {
      // What was to replace a write that is no longer the last one never will. What was to be the first one still could.
      for (const [name, { before }] of doubtful) if (before !== undefined) doubtful.delete(name);
      return { seen };
    }
    const changed = news === 'lost' ? undefined : doubtful.get(news.name);
    return changed === undefined || note === undefined ? 'slot lost' : done(run, changed, note.modified);
  }

  /**
   * The slot is gone: with its lease, or by somebody's hand. What was in doubt stays so, except where the register is
   * still as it was before; for without its lease, a change can not be applied any more.
   */
  async #slotLost(run: Run): Promise<undefined> {
    const { slot, scope, doubtful, blind } = run;
    if (doubtful.size > 0) {
      const entry = await this.#readFresh(run);
      const verifying = retrying(this.#client, scope, () => slot.session.verify());
      const over = !(await orAbort(verifying, scope));
      const [first] = doubtful.values();
      if (blind || !over || entry?.modified !== first?.before?.modified) throw this.#unknown(slot);
    }
    run.open = false;
    slot.drop();
  }

  #leaseGone({ session }: Slot, cause: unknown): Answer {
    session.leaseGone(cause);
    return 'slot lost';
  }

  #unknown(slot: Slot): CoordinationError {
    const sentence = `It cannot be told whether "${printable(this.key)}" was changed: the session ended before an answer came.`;
    return new CoordinationError('UNKNOWN_OUTCOME', sentence, { key: this.key, lease: slot.session.lease });
  }

  async #takeSlot(scope: Scope): Promise<Slot> {
    const session = await this.#sessions.get(scope);
    if (this.#slot === undefined || this.#slot.gone || this.#slot.session !== session) {
      this.#slot?.drop();
      this.#slot = new Slot(session, `${this.key}/ops`);
    }
    return this.#slot;
  }
}

/** What is decided without a write, on what may have changed since it was seen, is decided again. */
async function decideOn(seen: Seen | undefined, fresh: boolean, decide: Decide): Promise<Decision | 'look again'> {
  try {
    const decision = await decide(seen);
    return decision === 'keep' && !fresh ? 'look again' : decision;
  } catch (error) {
    if (fresh) throw error;
    return 'look again';
  }
}

function guardOf(key: string, seen: Seen | undefined): Guard {
  return seen === undefined ? absent(key) : unchanged(key, seen.modified);
}

/** The slot stands at this change now, so that none of the other attempts can be applied any more. */
function done(run: Run, changed: Changed, revision: bigint): Answer {
  run.slot.noted(revision);
  run.open = false;
  return { changed };
}
