import { decodeJsonObject, encodeText } from '../core/codec.js';
import type { RangeView } from '../core/range-view.js';
import type { Entry, LeaseId } from '../core/store.js';
import { assignShards, type ShardMember } from './partitioner-assignment.js';

/** Where things lie under the path of a partitioner. */
export class ShardPaths {
  readonly all: string;
  readonly members: string;
  readonly shards: string;

  constructor(path: string) {
    this.all = `${path}/`;
    this.members = `${path}/members`;
    this.shards = `${path}/shards/`;
  }

  key(shard: number): string {
    return `${this.shards}${shard}`;
  }

  /** The shard that a key stands for, undefined where it stands for none of so many. */
  shard(key: string, shards: number): number | undefined {
    if (!key.startsWith(this.shards)) return undefined;
    const name = key.slice(this.shards.length);
    const shard = Number(name);
    return Number.isInteger(shard) && shard >= 0 && shard < shards && String(shard) === name ? shard : undefined;
  }
}

/** A shard that somebody has claimed. */
export interface Claim {
  readonly shard: number;
  readonly token: bigint;
  readonly id: string;
}

/** What stands at the key of a shard: who claimed it, in which incarnation. */
export function claimValue(id: string, incarnation: bigint): Uint8Array {
  return encodeText(JSON.stringify({ id, incarnation: String(incarnation) }));
}

/** The claim that an entry stands for. */
export function claimOf(
  entry: Entry,
  paths: ShardPaths,
  shards: number,
): (Claim & { incarnation: unknown }) | undefined {
  const shard = paths.shard(entry.key, shards);
  const { id, incarnation } = decodeJsonObject(entry.value) ?? {};
  // One that was written again is no longer what was claimed.
  if (shard === undefined || entry.created !== entry.modified || typeof id !== 'string') return undefined;
  return { shard, token: entry.created, id, incarnation };
}

/** The claims among the entries that stand under this lease, made in one of these incarnations. */
export function claimsIn(
  entries: Iterable<Entry>,
  paths: ShardPaths,
  shards: number,
  lease: LeaseId,
  incarnations: ReadonlySet<bigint>,
): readonly Claim[] {
  const names = new Set<unknown>([...incarnations].map(String));
  const found: Claim[] = [];
  for (const entry of entries) {
    const claim = entry.lease === lease ? claimOf(entry, paths, shards) : undefined;
    if (claim !== undefined && names.has(claim.incarnation)) found.push(claim);
  }
  return found;
}

/** A member as it says itself. */
interface Seen extends ShardMember {
  readonly shards: number;
  readonly incarnation: bigint;
}

/** What a view of everything under the path means to one member: whose the shards are, and whose they are to be. */
export class ShardMap {
  readonly #paths: ShardPaths;
  readonly #shards: number;
  readonly #id: string;
  #view: RangeView | undefined;
  #known = '';
  #owners: readonly (string | undefined)[] = [];
  #members: readonly Seen[] = [];

  constructor(paths: ShardPaths, shards: number, id: string) {
    this.#paths = paths;
    this.#shards = shards;
    this.#id = id;
  }

  get revision(): bigint {
    return this.#view?.revision ?? -1n;
  }

  /** How many shards the others divide, where one of them has been here for longer and divides another number. */
  get otherNumber(): number | undefined {
    const own = this.#members.find(({ id }) => id === this.#id);
    const older = this.#members.find((one) => one.shards !== this.#shards && own && one.incarnation < own.incarnation);
    return older?.shards;
  }

  update(view: RangeView): void {
    this.#view = view;
    const members: Seen[] = [];
    for (const entry of view.entries.values()) {
      const member = this.#member(entry);
      if (member !== undefined) members.push(member);
    }
    this.#members = members;
    const taking = members.filter(({ shards }) => shards === this.#shards);
    const known = JSON.stringify(taking.map(({ id, weight }) => [id, weight]).sort());
    if (known === this.#known) return;
    this.#known = known;
    this.#owners = assignShards(this.#shards, taking);
  }

  isMine(shard: number): boolean {
    return this.#owners[shard] === this.#id;
  }

  /** What stands at the key of a shard. */
  entry(shard: number): Entry | undefined {
    return this.#view?.entries.get(this.#paths.key(shard));
  }

  /** The shards that are to be one's own. */
  mine(): number[] {
    return this.#owners.flatMap((owner, shard) => (owner === this.#id ? [shard] : []));
  }

  /** The keys of shards that stand under this lease, by claims made in one of these incarnations. */
  claimed(lease: LeaseId, incarnations: ReadonlySet<bigint>): readonly Claim[] {
    return claimsIn(this.#view?.entries.values() ?? [], this.#paths, this.#shards, lease, incarnations);
  }

  #member({ key, value, lease, created }: Entry): Seen | undefined {
    const prefix = `${this.#paths.members}/`;
    if (lease === undefined || !key.startsWith(prefix)) return undefined;
    const { weight, shards } = decodeJsonObject(value) ?? {};
    if (typeof weight !== 'number' || typeof shards !== 'number') return undefined;
    return { id: key.slice(prefix.length), weight, shards, incarnation: created };
  }
}
