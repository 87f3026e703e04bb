import type { ClientContext } from '../core/context.js';
import type { LeaseId } from '../core/store.js';
import { CoordinationError } from '../errors.js';

/**
 * The leases by which ids of acknowledged items are remembered. Nobody renews them, so that what is remembered goes by
 * itself: a lease lives for twice the time, and is used for the first half of it.
 */
export class Remembered {
  readonly #client: ClientContext;
  readonly #rememberMs: number;
  readonly #ttlMs: number;
  #current: { readonly lease: Promise<LeaseId>; readonly untilMs: number } | undefined;

  /** Throws `INVALID_OPTION`. */
  constructor(client: ClientContext, rememberMs: number) {
    const { minTtlMs, maxTtlMs } = client.store.traits;
    if (!(typeof rememberMs === 'number' && rememberMs >= 0 && 2 * rememberMs <= maxTtlMs)) {
      const sentence = `rememberMs must be from 0 to ${maxTtlMs / 2} milliseconds.`;
      throw new CoordinationError('INVALID_OPTION', sentence, { field: 'rememberMs' });
    }
    this.#client = client;
    this.#rememberMs = rememberMs;
    this.#ttlMs = Math.max(minTtlMs, 2 * rememberMs);
  }

  /** Whether ids are remembered at all. */
  get isOn(): boolean {
    return this.#rememberMs > 0;
  }

  /** A lease with enough of its life before it. One round trip where there is none. Rejects as a grant does. */
  lease(): Promise<LeaseId> {
    const { clock, store } = this.#client;
    if (this.#current !== undefined && clock.now() < this.#current.untilMs) return this.#current.lease;
    const untilMs = clock.now() + this.#ttlMs - this.#rememberMs;
    const lease = store.grant(this.#ttlMs).then(({ id }) => id);
    const current = { lease, untilMs };
    this.#current = current;
    lease.catch(() => this.#forget(current));
    return lease;
  }

  /** The store has no such lease any more: the next one will be new. */
  gone(): void {
    this.#current = undefined;
  }

  #forget(current: unknown): void {
    if (this.#current === current) this.#current = undefined;
  }
}
