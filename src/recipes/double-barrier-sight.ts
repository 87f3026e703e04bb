import type { ClientContext } from '../core/context.js';
import { RangeView } from '../core/range-view.js';
import type { Session } from '../core/session.js';
import { firstOf, orAbort, type Scope } from '../core/signals.js';
import type { Entry, Guard } from '../core/store.js';
import type { RoundKeys, Situation } from './double-barrier-round.js';
import { retrying } from './line-session.js';

/** What one member's way into a double barrier is made from. */
export interface EntranceParts {
  readonly client: ClientContext;
  readonly session: Session;
  readonly keys: RoundKeys;
  /** How many members this one wants a round to have. */
  readonly count: number;
  /** What its ticket says. */
  readonly value: Uint8Array;
  /** Ends the waiting. */
  readonly scope: Scope;
}

/** A double barrier as one member saw it last. */
export class RoundSight {
  readonly #parts: EntranceParts;
  #last: Situation = { round: undefined, modified: undefined, tickets: [] };

  constructor(parts: EntranceParts) {
    this.#parts = parts;
  }

  /** The round as it was when last looked at. */
  get last(): Situation {
    return this.#last;
  }

  /** That nobody has written the round since it was seen. */
  get guard(): Guard {
    return this.#parts.keys.guard(this.#last);
  }

  /** What a commit has read under the path is what is seen from now on. Throws `CORRUPT_DATA`. */
  learn(entries: readonly Entry[]): void {
    this.#last = this.#parts.keys.situation(entries);
  }

  /** Looks anew. One round trip. */
  async look(): Promise<void> {
    const { client, keys, scope } = this.#parts;
    const query = { prefix: `${keys.path}/` };
    const reading = retrying(client, scope, () => client.store.read(query, { signal: scope.signal }));
    this.learn((await orAbort(reading, scope)).entries);
  }

  /** Waits until the key of the round is written, or long enough to look anyway: watches do lose events. */
  async change(): Promise<void> {
    const { client, session, keys, scope } = this.#parts;
    const { modified } = this.#last;
    const { round: key } = keys;
    await firstOf(scope, [
      (wake, fail) => {
        const changed = ({ entries }: RangeView) => {
          if (entries.get(key)?.modified !== modified) wake();
        };
        const view = new RangeView(client, { key }, { changed, failed: fail });
        return () => view.stop();
      },
      (wake) => client.clock.after(session.ttlMs, wake),
    ]);
  }
}
