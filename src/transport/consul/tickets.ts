import type { Guard } from '../../core/store.js';
import type { WireEntry } from './entries.js';
import { wireKey } from './keys.js';

/** So many tickets are remembered; what was forgotten costs a read. */
const maxTickets = 1_000;

/**
 * At which index tickets were last written, where that is not the one at which they came to be: a leader that proclaims,
 * a reader that was a writer. Consul has no check of the index at which a key came to be, but one of its last write, which
 * says the same as long as it is known which that was.
 */
export class Tickets {
  readonly #known = new Map<string, Pick<WireEntry, 'created' | 'modified'>>();

  /** Where nothing is known, a ticket was written once. */
  readonly indexOf = ({ key, created }: Guard & { kind: 'held' }): bigint => {
    const known = this.#known.get(wireKey(key));
    return known?.created === created ? known.modified : created;
  };

  /** A ticket was seen as it stands. */
  note({ key, created, modified }: WireEntry): void {
    const known = this.#known.get(key);
    // Answers come in any order.
    if (known !== undefined && known.modified >= modified) return;
    this.#known.delete(key);
    this.#known.set(key, { created, modified });
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxTickets && oldest !== undefined) this.#known.delete(oldest);
  }
}
