/** Random operations of the store contract, the same for the same seed. What they refer to is known when they are made. */
import { Dice } from '../dice.js';

/** A revision by the key that it is about: that of its last write, or the one at which it came to be, and how far from it. */
export interface RevisionDraft {
  readonly of: 'modified' | 'created';
  readonly key: string;
  readonly by: number;
}

/** Relative to the prefix of the program. */
export type RangeDraft = { readonly key: string } | { readonly prefix: string };

export interface QueryDraft {
  readonly range: RangeDraft;
  readonly order: 'key' | 'oldest' | 'newest';
  readonly limit?: number;
  readonly createdBefore?: RevisionDraft;
}

export type GuardDraft =
  | { readonly kind: 'absent' | 'unchanged' | 'stale' | 'held' | 'other'; readonly key: string }
  | { readonly kind: 'untouched'; readonly range: RangeDraft; readonly since: RevisionDraft };

export type OpDraft =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly lease?: number }
  | { readonly kind: 'delete'; readonly range: RangeDraft }
  | { readonly kind: 'read'; readonly query: QueryDraft };

export type Step =
  | {
      readonly kind: 'commit';
      readonly guards: readonly GuardDraft[];
      readonly ops: readonly OpDraft[];
      readonly otherwise: readonly QueryDraft[];
    }
  | { readonly kind: 'read'; readonly query: QueryDraft; readonly at?: RevisionDraft }
  | { readonly kind: 'grant' }
  /** The lease is the how many-th from the newest; below 0 one that never was. */
  | { readonly kind: 'renew' | 'revoke'; readonly lease: number }
  | { readonly kind: 'watch'; readonly range: RangeDraft }
  /** Waits until every watch shows what there is. */
  | { readonly kind: 'settle' };

/** Names that are beginnings of each other, above and below each other, and ones that HTTP would mangle. */
const names = [
  'a',
  'aa',
  'a/',
  'a/a',
  'a/b',
  'a/b/c',
  'a/b/',
  'a//',
  'ab',
  'b',
  'b//c',
  'c/./d',
  'c/\u{1f600}',
] as const;
const folders = ['', 'a/', 'a/a/', 'a/b/', 'a//', 'b/', 'c/'] as const;

const weights = { commit: 66, read: 20, grant: 3, renew: 2, revoke: 3, watch: 3, settle: 3 };

/** Makes one program of so many steps. */
export function generate(seed: number, length = 250): Step[] {
  const maker = new Programmer(new Dice(seed));
  const steps: Step[] = [{ kind: 'grant' }, { kind: 'grant' }, { kind: 'grant' }];
  while (steps.length < length) steps.push(maker.next());
  return [...steps, { kind: 'settle' }];
}

class Programmer {
  readonly #dice: Dice;
  /** Where anybody watches, not everything is deleted on every store: see side.ts. */
  readonly #watches: boolean;
  #values = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
    this.#watches = dice.chance(0.6);
  }

  next(): Step {
    const dice = this.#dice;
    const kind = dice.weighed(weights);
    if (kind === 'commit') return this.#commit();
    if (kind === 'read') return this.#read();
    if (kind === 'watch') return this.#watches ? { kind, range: this.#range() } : { kind: 'settle' };
    if (kind === 'renew' || kind === 'revoke') return { kind, lease: dice.below(6) - 1 };
    return { kind };
  }

  #commit(): Step {
    const dice = this.#dice;
    const guards = dice.some(2, () => this.#guard());
    const ops = dice.some(6, () => this.#op());
    return { kind: 'commit', guards, ops, otherwise: dice.some(2, () => this.#query()) };
  }

  #read(): Step {
    const query = this.#query();
    return this.#dice.chance(0.3) ? { kind: 'read', query, at: this.#revision() } : { kind: 'read', query };
  }

  #key(): string {
    return this.#dice.pick(names);
  }

  #range(): RangeDraft {
    return this.#dice.chance(0.6) ? { key: this.#key() } : this.#folder();
  }

  #folder(): RangeDraft {
    return { prefix: this.#dice.pick(folders) };
  }

  #revision(): RevisionDraft {
    const dice = this.#dice;
    return { of: dice.pick(['modified', 'created']), key: this.#key(), by: dice.pick([0, 0, 1, -1, -2]) };
  }

  #query(): QueryDraft {
    const dice = this.#dice;
    return {
      range: this.#range(),
      order: dice.pick(['key', 'oldest', 'newest']),
      ...(dice.chance(0.3) && { limit: 1 + dice.below(3) }),
      ...(dice.chance(0.2) && { createdBefore: this.#revision() }),
    };
  }

  #guard(): GuardDraft {
    const dice = this.#dice;
    const kind = dice.pick([
      'absent',
      'unchanged',
      'unchanged',
      'stale',
      'held',
      'held',
      'other',
      'untouched',
    ] as const);
    if (kind === 'untouched') return { kind, range: this.#range(), since: this.#revision() };
    return { kind, key: this.#key() };
  }

  #op(): OpDraft {
    const dice = this.#dice;
    const kind = dice.weighed({ put: 52, read: 32, delete: 16 });
    if (kind === 'read') return { kind, query: this.#query() };
    if (kind === 'delete') return { kind, range: this.#range() };
    const value = dice.chance(0.3) ? 'same' : `v${++this.#values}`;
    return {
      kind,
      key: this.#key(),
      value,
      ...(dice.chance(0.4) && { lease: dice.below(40) === 0 ? -1 : dice.below(3) }),
    };
  }
}
