import { commitOnce } from '../core/commit-once.js';
import { openScope, type Scope } from '../core/signals.js';
import { type CallOptions, type Entry, put, read, remove, unchanged } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { retrying } from './line-session.js';
import { burial } from './queue-ends.js';
import { type DeadNote, encodeHeader, type Header, type Item, newId, rankOf } from './queue-keys.js';
import type { QueueParts } from './queue-parts.js';

/** An item that was delivered as often as it may be, and never acknowledged. */
export interface DeadLetter<T> {
  readonly id: string;
  /** Undefined where it cannot be decoded. */
  readonly value: T | undefined;
  readonly bytes: Uint8Array;
  /** How often it was delivered. */
  readonly attempts: number;
  /** `undecodable`: no consumer got it, since its value could not be decoded, or is not what the schema asks for. */
  readonly reason: DeadNote['reason'];
}

/** The dead letters of a queue. */
export class Dead<T> {
  readonly #parts: QueueParts<T>;

  constructor(parts: QueueParts<T>) {
    this.#parts = parts;
  }

  /** Buries an item that nobody has, unless it has changed since it was looked at. What became of it, the next look shows. */
  async bury(item: Item, scope: Scope): Promise<void> {
    const { client, keys } = this.#parts;
    const value = { key: keys.value(item.id) };
    const { entries } = await retrying(client, scope, () => client.store.read(value, { signal: scope.signal }));
    const bytes = entries[0]?.value ?? new Uint8Array();
    try {
      await client.store.commit([unchanged(item.key, item.modified)], burial(this.#parts, item, bytes, 'attempts'));
    } catch (error) {
      if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) throw error;
    }
  }

  async *list(options: CallOptions): AsyncGenerator<DeadLetter<T>, void, undefined> {
    const { client, dead, typed } = this.#parts;
    if (dead === undefined) return;
    const { entries } = await client.store.read({ prefix: dead.items, order: 'oldest' }, options);
    for (const { id, header } of entries.map((entry) => dead.toItem(entry))) {
      const value = await client.store.read({ key: dead.value(id) }, options);
      const bytes = value.entries[0]?.value;
      // Requeued or discarded meanwhile.
      if (bytes === undefined) continue;
      const decoded = await typed.decode(bytes, dead.value(id)).catch(() => undefined);
      const { attempts, reason } = header.dead ?? { attempts: header.attempts, reason: 'attempts' };
      yield { id, value: decoded, bytes, attempts, reason };
    }
  }

  /** Puts a dead letter back into the queue, as new. */
  async requeue(id: string, options: CallOptions): Promise<boolean> {
    const { client, keys, dead, order } = this.#parts;
    if (dead === undefined) return false;
    using scope = openScope(client.clock, options, `requeueing "${printable(id)}"`);
    const made = newId(client);
    for (;;) {
      const [letter, value] = await this.#find(id, scope);
      if (letter === undefined || value === undefined) return false;
      const { bytes, dead: note } = dead.toItem(letter).header;
      const key = keys.item(note?.rank ?? (order === 'age' ? '' : rankOf(0)), id);
      const header: Header = { put: made, attempts: 0, bytes, seq: 0, dueMs: 0 };
      const ops = [
        ...[remove(letter.key), remove(value.key), remove(dead.bell)],
        ...[put(keys.value(id), value.value), put(key, encodeHeader(header)), put(keys.bell, '')],
      ];
      const guards = [unchanged(letter.key, letter.modified)];
      const outcome = await commitOnce(client, scope, { guards, ops, witness: keys.value(id) });
      if (outcome.kind === 'applied' || (outcome.kind === 'found' && outcome.late)) return true;
      if (outcome.kind === 'refused') continue;
      const sentence = `"${printable(id)}" cannot be requeued: an item of the same id is in the queue.`;
      throw new CoordinationError('CONFLICT', sentence, { key: keys.value(id), field: 'id' });
    }
  }

  /** Deletes a dead letter. Doing so twice does no harm, so that a lost answer is no matter. */
  async discard(id: string, options: CallOptions): Promise<boolean> {
    const { client, dead } = this.#parts;
    if (dead === undefined) return false;
    using scope = openScope(client.clock, options, `discarding "${printable(id)}"`);
    const [header] = await this.#find(id, scope);
    const ops = [remove(dead.item('', id)), remove(dead.value(id)), remove(dead.bell)];
    const attempt = (): Promise<unknown> => client.store.commit([], ops).catch(again);
    if (header !== undefined) await retrying(client, scope, attempt);
    return header !== undefined;
  }

  async #find(id: string, scope: Scope): Promise<readonly (Entry | undefined)[]> {
    const { client, dead } = this.#parts;
    if (dead === undefined) return [];
    const ops = [read({ key: dead.item('', id) }), read({ key: dead.value(id) })];
    const { reads } = await retrying(client, scope, () => client.store.commit([], ops, { signal: scope.signal }));
    return reads.map(([entry]) => entry);
  }
}

/** Makes an unknown outcome one that may be tried again. */
function again(cause: unknown): never {
  if (!isCoordinationError(cause, 'UNKNOWN_OUTCOME')) throw cause;
  throw new CoordinationError('UNAVAILABLE', cause.message, { cause });
}
