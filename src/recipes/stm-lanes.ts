import { onAbort, type Scope } from '../core/signals.js';
import type { Known } from './stm-checks.js';

/** A key that transactions of one client get in each other's way at, while one of them has its turn there. */
interface Lane {
  /** How to give the turn to each of those that wait, in order. */
  readonly waiting: (() => void)[];
  /** How things were after the last one that had its turn, all at one revision. */
  known: readonly Known[];
}

/** The right of a transaction to be the only one of its client at some keys. */
export interface Turn {
  /** How things are by what the one before has left. Empty where that is not known. */
  readonly known: readonly Known[];
  /** Lets the next ones in, and tells them how things are now. */
  leave(known: readonly Known[]): void;
}

/**
 * Where the transactions of one client line up for keys over which they came into conflict, so that they do not send the
 * store what it must refuse. The next in line begins with what the one before has written: it need not read it.
 *
 * This is for speed alone: the store checks each commit all the same, and those of other clients know nothing of it.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /** Those of the keys at which somebody has the turn. */
  busy(keys: Iterable<string>): string[] {
    return this.#lanes.size === 0 ? [] : [...new Set(keys)].filter((key) => this.#lanes.has(key));
  }

  /** Waits for the turn at all of these keys. Rejects with the reason of the scope. Not for one that has a turn already. */
  async enter(keys: readonly string[], scope: Scope): Promise<Turn> {
    const entered: string[] = [];
    let known: readonly Known[] = [];
    try {
      // One order for all: no two can each wait for what the other has.
      for (const key of [...keys].sort()) {
        const lane = this.#lanes.get(key);
        if (lane === undefined) this.#lanes.set(key, { waiting: [], known: [] });
        else {
          await wait(lane, scope);
          known = newest(known, lane.known);
        }
        entered.push(key);
      }
    } catch (error) {
      this.#leave(entered, []);
      throw error;
    }
    return { known, leave: (left) => this.#leave(entered, left) };
  }

  #leave(keys: readonly string[], known: readonly Known[]): void {
    for (const key of keys) {
      const lane = this.#lanes.get(key);
      const next = lane?.waiting.shift();
      if (lane === undefined || next === undefined) this.#lanes.delete(key);
      else {
        lane.known = newest(lane.known, known);
        next();
      }
    }
  }
}

function wait({ waiting }: Lane, scope: Scope): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (): void => {
      unlink();
      resolve();
    };
    waiting.push(next);
    const unlink = onAbort(scope, (reason) => {
      const at = waiting.indexOf(next);
      // One that was let in already has to let others in in turn.
      if (at === -1) return;
      waiting.splice(at, 1);
      reject(reason);
    });
  });
}

/** The one that is of a later revision. What one of them knows is all of one. */
export function newest(one: readonly Known[], other: readonly Known[]): readonly Known[] {
  const [a, b] = [one[0]?.revision ?? -1n, other[0]?.revision ?? -1n];
  return b > a ? other : one;
}
