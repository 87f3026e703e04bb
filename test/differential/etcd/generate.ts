/** Random programs: the same for the same seed. */
import { Dice } from '../dice.js';
import { changeOf, Requests } from './requests.js';
import { Bulk, type Fields, type Step } from './step.js';

const all = { key: '\0', rangeEnd: '\0' };

/** Keys that are beginnings of each other, above and below each other, of bytes that are no text, and the greatest ones. */
const someKeys = [
  ...['a', 'aa', 'a/', 'a/b', 'a/b/', 'a/c', 'ab', 'b', 'b\0', 'b\0\0', 'c', '\0', '\x01'],
  ...['\xc3\xa9', '\xc3', '\xed\xa0\x80', '\xf0\x9f\x98\x80', '\xff', '\xff\xff', '\xfe\xff'],
];
const manyKeys = Array.from({ length: 200 }, (_, n) => `k/${String(n).padStart(3, '0')}`);

interface Kind {
  readonly keys: (dice: Dice) => readonly string[];
  readonly length: number;
  /** How long values are; above some thousand a program is meant to be about that. */
  readonly bulk: number;
}

const few = (dice: Dice): string[] => {
  const left = [...someKeys];
  return Array.from({ length: 12 }, () => left.splice(dice.below(left.length), 1)[0] ?? 'a');
};

/** A watch whose messages can become too large for one. */
const everything = { ...all, prevKv: true, fragment: true };

const kinds = {
  few: { keys: few, length: 300, bulk: 0 },
  many: { keys: () => manyKeys, length: 300, bulk: 0 },
  large: { keys: () => ['a', 'b', 'c', 'd', 'e'], length: 30, bulk: 300_000 },
} satisfies Record<string, Kind>;

const stepWeights = {
  ...{ range: 42, put: 16, deleteRange: 5, txn: 16, look: 5 },
  ...{ grant: 2.2, short: 0.3, revoke: 1.4, keepAlive: 1, timeToLive: 3, leases: 1 },
  ...{ compact: 0.8, watch: 3, cancel: 1, progress: 0.4, close: 0.1, sync: 0.3 },
};

const bulkWeights = { ...stepWeights, range: 5, deleteRange: 10, txn: 50, watch: 12 };

/** Makes one program. */
export function generate(seed: number): Step[] {
  const dice = new Dice(seed);
  const kind: Kind = kinds[dice.weighed({ few: 73, many: 24, large: 3 })];
  const maker = new Programmer(dice, kind);
  const steps: Step[] = kind.bulk > 0 ? [{ kind: 'watch', stream: 0, request: everything }] : [];
  while (steps.length < kind.length) steps.push(...maker.next());
  return [...steps, { kind: 'sync' }];
}

class Programmer {
  readonly #dice: Dice;
  readonly #requests: Requests;
  readonly #weights: typeof stepWeights;
  readonly #bulk: number;
  #chosenId = 0;

  constructor(dice: Dice, { keys, bulk }: Kind) {
    this.#dice = dice;
    this.#bulk = bulk;
    this.#requests = new Requests(dice, keys(dice), bulk);
    this.#weights = bulk > 0 ? bulkWeights : stepWeights;
  }

  next(): readonly Step[] {
    const { chance, below, pick } = bound(this.#dice);
    const requests = this.#requests;
    const stream = below(3);
    const kind = this.#dice.weighed(this.#weights);
    switch (kind) {
      case 'look':
        return [{ kind: 'call', call: 'range', request: all }];
      case 'txn':
        return [{ kind: 'call', call: 'txn', request: this.#bulk > 0 ? this.#bulky() : requests.txn() }];
      case 'short':
        return this.#shortLease();
      case 'keepAlive':
        return [{ kind: 'keep-alive', request: changeOf(requests.lease()) }];
      case 'watch':
        return [{ kind, stream, request: requests.watch() }];
      case 'cancel':
        return [{ kind, stream, id: chance(0.1) ? 77n : BigInt(pick([0, 0, 1, 2, 3, 5])) }];
      case 'progress':
      case 'close':
        return [{ kind, stream }];
      case 'sync':
        return [{ kind }];
      default:
        return [{ kind: 'call', call: kind, request: requests[kind]() }];
    }
  }

  /** One that would be gone within seconds is not left to that: when it goes is another matter than what is granted. */
  #shortLease(): Step[] {
    const ID = BigInt(5_000 + ++this.#chosenId);
    const TTL = this.#dice.pick([0n, -5n, 1n, 2n, 3n]);
    return [
      { kind: 'call', call: 'grant', request: { ID, TTL } },
      { kind: 'call', call: 'revoke', request: { ID } },
    ];
  }

  /** Several values that are together too much for one message of a watch that shows what was there before too. */
  #bulky(): Fields {
    const put = (key: string): Fields => {
      const value = new Bulk(
        this.#dice.pick([100_000, this.#bulk, this.#bulk, this.#bulk]),
        this.#dice.pick(['x', 'y']),
      );
      return { requestPut: { key, value } };
    };
    return { success: ['a', 'b', 'c', 'd', 'e'].filter(() => this.#dice.chance(0.9)).map(put) };
  }
}

function bound(dice: Dice) {
  return {
    chance: (probability: number) => dice.chance(probability),
    below: (count: number) => dice.below(count),
    pick: <T>(list: readonly T[]) => dice.pick(list),
  };
}
