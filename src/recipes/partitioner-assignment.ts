/** One that may be given shards. */
export interface ShardMember {
  readonly id: string;
  /** How much it can take, in proportion to the others. */
  readonly weight: number;
}

/**
 * Who each shard belongs to, by rendezvous hashing (Thaler and Ravishankar, 1998): each member has a score for each shard,
 * and the highest wins. So everybody who knows the same members comes to the same result without a word, one that joins
 * takes only what becomes its own, and one that goes leaves all other shards where they are. Weights as in Schindelhauer
 * and Schomaker's logarithmic method: shares are in proportion.
 */
export function assignShards(shards: number, members: readonly ShardMember[]): readonly (string | undefined)[] {
  const owners: (string | undefined)[] = [];
  for (let shard = 0; shard < shards; shard++) owners.push(ownerOf(shard, members));
  return owners;
}

function ownerOf(shard: number, members: readonly ShardMember[]): string | undefined {
  let owner: string | undefined;
  let best = Number.NEGATIVE_INFINITY;
  for (const { id, weight } of members) {
    const score = -weight / Math.log(uniform(`${shard}/${id}`));
    // Whoever lists the members in another order has to come to the same.
    if (score > best || (score === best && owner !== undefined && id < owner)) {
      owner = id;
      best = score;
    }
  }
  return owner;
}

/** A number in (0, 1) that is the same for the same text everywhere, and that a change of one bit changes altogether. */
function uniform(text: string): number {
  const high = mix(fnv1a(text, 0x811c_9dc5));
  const low = mix(fnv1a(text, high ^ 0x9e37_79b9));
  return (high * 2 ** 20 + (low >>> 12) + 0.5) / 2 ** 52;
}

/** FNV-1a, 32 bits, over the UTF-16 units of the text, from a given state. */
function fnv1a(text: string, state: number): number {
  let hash = state;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    hash = Math.imul(hash ^ (unit & 0xff), 0x0100_0193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x0100_0193);
  }
  return hash >>> 0;
}

/** The finalizer of MurmurHash3: FNV alone leaves the high bits of short texts alike. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
