import type { Dice } from '../dice.js';
import { Bulk, type Fields, Mark, type Value } from './step.js';

/** Requests over some keys, most of them in order and some of them not. */
export class Requests {
  readonly #dice: Dice;
  readonly #keys: readonly string[];
  readonly #bulk: number;
  #values = 0;

  constructor(dice: Dice, keys: readonly string[], bulk: number) {
    this.#dice = dice;
    this.#keys = keys;
    this.#bulk = bulk;
  }

  /** Never with a target that etcd does not know, which ends the process of etcd 3.5. */
  range(): Fields {
    const dice = this.#dice;
    return {
      ...this.#where(),
      ...this.#maybe(0.3, () => ({ limit: dice.pick([1n, 2n, 3n, 5n, 1_000n, -1n]) })),
      ...this.#maybe(0.25, () => ({ revision: this.#past() })),
      ...this.#maybe(0.5, () => ({ sortOrder: dice.chance(0.02) ? 7 : dice.below(3) })),
      ...this.#maybe(0.5, () => ({ sortTarget: dice.below(5) })),
      ...this.#maybe(0.3, () => ({ serializable: true })),
      ...this.#maybe(0.15, () => ({ keysOnly: true })),
      ...this.#maybe(0.1, () => ({ countOnly: true })),
      ...this.#bound('minModRevision'),
      ...this.#bound('maxModRevision'),
      ...this.#bound('minCreateRevision'),
      ...this.#bound('maxCreateRevision'),
    };
  }

  put(): Fields {
    const dice = this.#dice;
    const ignoresValue = dice.chance(0.08);
    const ignoresLease = dice.chance(0.08);
    return {
      key: this.#key(),
      ...(ignoresValue ? { ignoreValue: true } : {}),
      ...(ignoresLease ? { ignoreLease: true } : {}),
      ...(ignoresValue !== dice.chance(0.05) ? {} : { value: this.#value() }),
      ...(ignoresLease !== dice.chance(0.05) ? {} : this.#maybe(0.35, () => ({ lease: this.lease() }))),
      ...this.#maybe(0.3, () => ({ prevKv: true })),
    };
  }

  deleteRange(): Fields {
    return { ...this.#where(0.8), ...this.#maybe(0.4, () => ({ prevKv: true })) };
  }

  /**
   * A transaction that deletes never puts something that must be there already: etcd 3.5 looks at that before it begins,
   * and where the step before has deleted it, its process ends.
   */
  txn(): Fields {
    if (this.#dice.chance(0.015)) return this.#longTxn();
    if (this.#dice.chance(0.03)) return this.#twice();
    const made = this.#txn(0);
    return deletes(made) ? plainPuts(made) : made;
  }

  #txn(depth: number): Fields {
    const dice = this.#dice;
    const steps = (): Fields[] => dice.some(depth === 0 ? 4 : 2, () => this.#step(depth));
    return {
      ...this.#maybe(0.8, () => ({ compare: dice.some(3, () => this.#compare()) })),
      ...this.#maybe(0.9, () => ({ success: steps() })),
      ...this.#maybe(0.6, () => ({ failure: steps() })),
    };
  }

  grant(): Fields {
    const dice = this.#dice;
    const TTL = dice.chance(0.05)
      ? dice.pick([9_000_000_001n, 2n ** 63n - 1n])
      : dice.pick([60n, 200n, 900n, 9_000_000_000n]);
    return { TTL, ...this.#maybe(0.4, () => ({ ID: dice.chance(0.1) ? -7n : BigInt(101 + dice.below(8)) })) };
  }

  revoke(): Fields {
    return changeOf(this.lease());
  }

  timeToLive(): Fields {
    return { ...changeOf(this.lease()), ...this.#maybe(0.6, () => ({ keys: true })) };
  }

  leases(): Fields {
    return {};
  }

  compact(): Fields {
    return { revision: this.#past(), ...this.#maybe(0.2, () => ({ physical: true })) };
  }

  watch(): Fields {
    const dice = this.#dice;
    return {
      ...this.#where(0.3),
      ...this.#maybe(0.5, () => ({ startRevision: this.#past(30) })),
      ...this.#maybe(0.4, () => ({ filters: dice.pick([[0], [1], [0, 1], [1, 1]]) })),
      ...this.#maybe(0.5, () => ({ prevKv: true })),
      ...this.#maybe(0.3, () => ({ watchId: dice.pick([1n, 2n, 3n, 4n, 1_000_000n, -5n]) })),
      ...this.#maybe(this.#bulk > 0 ? 0.6 : 0.2, () => ({ fragment: true })),
      ...this.#maybe(0.1, () => ({ progressNotify: true })),
    };
  }

  /** One of those that were granted last, or one that nobody was granted. */
  lease(): Value {
    const dice = this.#dice;
    if (dice.chance(0.06)) return dice.pick([999n, 0n, 2n ** 62n]);
    return dice.chance(0.1) ? BigInt(101 + dice.below(8)) : new Mark('lease', dice.below(3));
  }

  #maybe(probability: number, make: () => Fields): Fields {
    return this.#dice.chance(probability) ? make() : {};
  }

  #key(): string {
    return this.#dice.chance(0.01) ? '' : this.#dice.pick(this.#keys);
  }

  /** A key, all that begin with it, all from it on, everything, or all up to another one, which may be below it. */
  #where(single = 0.4): Fields {
    const dice = this.#dice;
    const key = this.#key();
    if (dice.chance(single)) return { key };
    const ends = {
      prefix: () => ({ key: key.slice(0, 2), rangeEnd: after(key.slice(0, 2)) }),
      from: () => ({ key, rangeEnd: '\0' }),
      all: () => ({ key: '\0', rangeEnd: '\0' }),
      to: () => ({ key, rangeEnd: dice.pick(this.#keys) }),
      next: () => ({ key, rangeEnd: `${key}\0` }),
    };
    return ends[dice.weighed({ prefix: 3, from: 1, all: 2, to: 3, next: 0.5 })]();
  }

  #value(): Value {
    const dice = this.#dice;
    if (this.#bulk > 0) return new Bulk(dice.pick([10, 10, 1_000_000, 1_700_000, 3_000_000]), 'x');
    return dice.pick(['', 'same', `v${++this.#values}`, 'bytes \xff\0', new Bulk(2_000, 'z')]);
  }

  /** A revision: mostly one of the last, now and then one that is compacted, to come, or none at all. */
  #past(base = 10): Value {
    const dice = this.#dice;
    const kinds = {
      near: () => new Mark('now', -dice.below(12)),
      far: () => new Mark('now', -dice.below(150)),
      base: () => new Mark('base', dice.pick([0, 0, 1, -1, -10])),
      future: () => new Mark('now', dice.pick([1, 2, 5, 1_000])),
      odd: () => dice.pick([0n, 1n, -1n, 2n ** 62n]),
    };
    return kinds[dice.weighed({ near: 60, far: 15, base, future: 10, odd: 5 })]();
  }

  #bound(field: string): Fields {
    return this.#maybe(0.1, () => ({ [field]: new Mark('now', -this.#dice.below(20)) }));
  }

  #step(depth: number): Fields {
    const dice = this.#dice;
    const kinds: Readonly<Record<'range' | 'put' | 'delete' | 'txn' | 'nothing', () => Fields>> = {
      range: () => ({ requestRange: this.range() }),
      put: () => ({ requestPut: this.put() }),
      delete: () => ({ requestDeleteRange: this.deleteRange() }),
      txn: () => (depth < 3 ? { requestTxn: this.#txn(depth + 1) } : { requestRange: this.range() }),
      nothing: () => ({}),
    };
    return kinds[dice.weighed({ range: 8, put: 12, delete: 3, txn: 3, nothing: 0.1 })]();
  }

  /** As many steps as are allowed, or one more, by themselves or in a transaction within. */
  #longTxn(): Fields {
    const dice = this.#dice;
    const steps = (count: number): Fields[] =>
      Array.from({ length: count }, () => ({ requestRange: { key: dice.pick(this.#keys), keysOnly: true } }));
    const count = dice.pick([128, 129, 127, 126]);
    const field = dice.pick(['success', 'failure']);
    if (dice.chance(0.5)) return { [field]: steps(count) };
    return { [field]: [...steps(64), { requestTxn: { success: steps(count - 64) } }] };
  }

  /** The two ways in which a key can be deleted and put in one transaction, in either order, without being refused. */
  #twice(): Fields {
    const dice = this.#dice;
    const [key, other] = [dice.pick(this.#keys), dice.pick(this.#keys)];
    const put = { requestPut: { key, value: this.#value(), ...this.#maybe(0.3, () => ({ prevKv: true })) } };
    const look = { requestRange: { key: '\0', rangeEnd: '\0' } };
    const inside = (step: Fields): Fields => ({ requestTxn: { success: [step] } });
    const drop = { requestDeleteRange: { key: dice.chance(0.5) ? key : other, rangeEnd: '\0', prevKv: true } };
    if (dice.chance(0.6)) return { success: [drop, look, put, look] };
    return { success: [inside(put), look, inside({ requestDeleteRange: { key } }), look] };
  }

  #compare(): Fields {
    const dice = this.#dice;
    const key = this.#key();
    const result = dice.chance(0.01) ? 9 : dice.below(4);
    // An id that a server chose is greater than one that we chose; of two that servers chose either may be the greater.
    const anyLease = (): Value => (dice.chance(0.6) ? new Mark('leaseOf', 0, key) : this.lease());
    const lease = result === 0 || result === 3 ? anyLease : () => BigInt(dice.pick([0, 101, 105]));
    const kinds: readonly (readonly [target: number, field: string, wanted: () => Value])[] = [
      [0, 'version', () => new Mark('version', dice.below(3) - 1, key)],
      [1, 'createRevision', () => new Mark('created', dice.below(3) - 1, key)],
      [1, 'createRevision', () => 0n],
      [2, 'modRevision', () => new Mark('modified', dice.below(3) - 1, key)],
      [2, 'modRevision', () => new Mark('now', -dice.below(10))],
      [3, 'value', () => (dice.chance(0.6) ? new Mark('value', 0, key) : this.#value())],
      [4, 'lease', lease],
    ];
    const [target, field, wanted] = dice.pick(kinds);
    return {
      ...{ result, target: dice.chance(0.02) ? dice.below(6) : target, key },
      ...this.#maybe(0.97, () => ({ [field]: wanted() })),
      ...this.#maybe(0.25, () => ({
        rangeEnd: dice.pick(['\0', `${key}\0`, after(key.slice(0, 1)), dice.pick(this.#keys)]),
      })),
    };
  }
}

export function changeOf(lease: Value): Fields {
  return { ID: lease };
}

/** The end of all keys that begin with this one; nothing of that kind for the greatest byte. */
function after(prefix: string): string {
  const cut = prefix.replace(/\xff+$/, '');
  return cut === '' ? '\0' : cut.slice(0, -1) + String.fromCharCode(cut.charCodeAt(cut.length - 1) + 1);
}

function deletes(value: Value): boolean {
  if (Array.isArray(value)) return value.some(deletes);
  if (typeof value !== 'object' || value instanceof Mark || value instanceof Bulk) return false;
  return Object.entries(value).some(([field, inner]) => field === 'requestDeleteRange' || deletes(inner));
}

/** The same without what a put may leave as it was. */
function plainPuts<V extends Value>(value: V): V {
  const plain = (inner: Value): Value => {
    if (Array.isArray(inner)) return inner.map(plain);
    if (typeof inner !== 'object' || inner instanceof Mark || inner instanceof Bulk) return inner;
    const kept = Object.entries(inner).filter(([field]) => field !== 'ignoreValue' && field !== 'ignoreLease');
    return Object.fromEntries(kept.map(([field, each]) => [field, plain(each)]));
  };
  return plain(value) as V; // Of the same shape, only with fewer fields that may be missing anyhow.
}
