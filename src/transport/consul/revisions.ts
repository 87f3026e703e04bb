import { CoordinationError } from '../../errors.js';
import { garbled } from './json.js';

/** Greater ones could not be put into a guard again. */
const maxIndex = 2n ** 63n - 1n;

/**
 * Reads the header X-Consul-Index. It should never be 0, and is taken for 1 then, which a blocking query can wait on.
 * Throws `PROTOCOL_ERROR` where it is missing, or no index at all: nothing could be told from such an answer.
 */
export function readIndex(header: string | string[] | undefined): bigint {
  if (typeof header === 'string' && /^\d{1,20}$/.test(header)) {
    const index = BigInt(header);
    if (index <= maxIndex) return index === 0n ? 1n : index;
  }
  throw garbled('X-Consul-Index is missing or no index');
}

/**
 * The newest index that this client has seen. Consul tells with a read when the *range* was last written, not where the
 * store stands; but a consistent read that was sent after an index was seen is the truth at that index too.
 */
export class Revisions {
  readonly #doom: (error: CoordinationError) => void;
  #seen = 1n;

  /** `doom` is told once the store turns out to be another one; everything is expected to reject from then on. */
  constructor(doom: (error: CoordinationError) => void) {
    this.#doom = doom;
  }

  get seen(): bigint {
    return this.#seen;
  }

  /** The revision of a consistent read that was sent when `since` was seen, and whose answer bears this index. */
  ofRead(index: bigint, since: bigint): bigint {
    const revision = index > since ? index : since;
    if (revision > this.#seen) this.#seen = revision;
    return revision;
  }

  /**
   * The revision of a commit that has written. Every write has an index above all that were seen before it, unless the
   * servers were rebuilt from a backup: then fencing tokens of before and after do not compare.
   */
  ofWrite(index: bigint, since: bigint): bigint {
    if (index <= since) {
      const sentence = `The index of the store went back from ${since} to ${index}: it was restored from a backup or rebuilt.`;
      const error = new CoordinationError('REVISION_REGRESSED', sentence);
      this.#doom(error);
      throw error;
    }
    if (index > this.#seen) this.#seen = index;
    return index;
  }
}
