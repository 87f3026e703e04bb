import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import { orAbort, type Scope } from '../core/signals.js';
import type { Entry } from '../core/store.js';
import { retrying, type SessionSource } from './line-session.js';
import { type Changed, type Decision, Run, type Seen } from './register-run.js';
import { Slot } from './register-slot.js';

/** Looks at the register and decides. Called again whenever somebody else was quicker. */
export type Decide = (seen: Seen | undefined) => Decision | Promise<Decision>;

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
      const run = new Run(this.#client, this.key, slot, scope, blind);
      try {
        const changed = await this.#attempts(run, scope, decide, blind);
        if (changed !== undefined) return changed;
        slot.drop();
      } finally {
        if (run.open) slot.drop();
        else slot.rest(this.#client.clock);
      }
    }
  }

  /** Decides and tries until it is done; undefined where it has to begin anew, with another slot. */
  async #attempts(run: Run, scope: Scope, decide: Decide, blind: boolean): Promise<Changed | undefined> {
    const { clock, random } = this.#client;
    const backoff = new Backoff(clock, random, { baseMs: 5, capMs: 250 });
    let before = this.#seen;
    for (let attempt = 1, fresh = blind; ; fresh = true) {
      const decision = await orAbort(decideOn(before, fresh, decide), scope);
      if (decision === 'look again') {
        before = await orAbort(this.read(scope), scope);
        continue;
      }
      const changed = { before, decision };
      // While anything is in doubt, that there is nothing to do is noted too: then it cannot be done any more.
      if (decision === 'keep' && !run.inDoubt) return changed;
      const answer = await run.commit(changed);
      if (answer === 'slot lost') {
        await run.settle(() => orAbort(this.read(scope), scope));
        return undefined;
      }
      before = answer.seen;
      this.#seen = before;
      if (answer.changed !== undefined) return answer.changed;
      // Nobody waits for the first time: to be refused is also how a first look is had.
      if (attempt++ > 1) await backoff.wait(scope);
    }
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
