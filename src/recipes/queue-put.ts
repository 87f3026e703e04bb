import { checkCall, checkKnown } from '../core/checks.js';
import { commitOnce } from '../core/commit-once.js';
import { openScope, orAbort, type Scope } from '../core/signals.js';
import { absent, type CallOptions, put, type Query, read } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { retrying } from './line-session.js';
import { checkId, decodeHeader, encodeHeader, newId, rankOf } from './queue-keys.js';
import type { QueueParts } from './queue-parts.js';

/** What can be said of an item that is put. */
export interface ItemOptions {
  /**
   * Names the item: one that is in the queue, or was acknowledged a short time ago, is not added again. 1 to 200
   * characters, no "/". Default: a new one.
   */
  readonly id?: string | undefined;
  /** How long nobody gets it, in milliseconds from 0, by the wall clocks of producer and consumer. Default 0. */
  readonly delayMs?: number | undefined;
}

export interface PutOptions extends CallOptions, ItemOptions {}

/** What became of an item that was put. */
export interface PutResult {
  readonly id: string;
  /** Whether this call added it; false where an item of this id is there, or was acknowledged a short time ago. */
  readonly added: boolean;
}

/** An item, ready to be written. */
interface Draft {
  readonly id: string;
  /** Where its header goes. */
  readonly key: string;
  readonly header: Uint8Array;
  readonly value: Uint8Array;
  /** The mark in its header. */
  readonly made: string;
}

/** Puts items into a queue. */
export class Putter<T> {
  readonly #parts: QueueParts<T>;

  constructor(parts: QueueParts<T>) {
    this.#parts = parts;
  }

  async put(value: T, about: ItemOptions & { readonly priority?: number }, call: CallOptions): Promise<PutResult> {
    const draft = await this.#draft(value, about, 0);
    using scope = this.#scope(call, 1);
    return await this.#put(draft, false, scope);
  }

  /** As many items in one commit as the store takes. Where that fails, each by itself, which is safe by its id. */
  async putMany(
    items: readonly ({ readonly value: T; readonly priority?: number | undefined } & ItemOptions)[],
    call: CallOptions,
  ): Promise<readonly PutResult[]> {
    const drafts = await Promise.all(items.map((item, seq) => this.#draft(item.value, item, seq)));
    using scope = this.#scope(call, drafts.length);
    const results: PutResult[] = [];
    for (const batch of this.#batches(drafts)) {
      const together = batch.length > 1 && (await this.#putTogether(batch, scope));
      for (const draft of batch) {
        results.push(together ? { id: draft.id, added: true } : await this.#put(draft, batch.length > 1, scope));
      }
    }
    return results;
  }

  #scope(call: CallOptions, count: number): Scope {
    const { client, keys } = this.#parts;
    return openScope(client.clock, call, `putting ${count === 1 ? 'an item' : 'items'} into "${printable(keys.path)}"`);
  }

  async #draft(
    value: T,
    {
      id = newId(this.#parts.client),
      priority = 0,
      delayMs = 0,
    }: ItemOptions & { readonly priority?: number | undefined },
    seq: number,
  ): Promise<Draft> {
    const { client, keys, typed, order } = this.#parts;
    checkId(id, keys);
    checkDelay(delayMs);
    const made = newId(client);
    const dueMs = delayMs === 0 && order !== 'due' ? 0 : Math.ceil(client.clock.wall() + delayMs);
    const rank = order === 'age' ? '' : rankOf(order === 'due' ? dueMs : priority);
    const bytes = await typed.encode(value, keys.value(id));
    const header = encodeHeader({ put: made, attempts: 0, bytes: bytes.byteLength, seq, dueMs });
    return { id, key: keys.item(rank, id), header, value: bytes, made };
  }

  /** `again`: an attempt to put it together with others may have got through. */
  async #put({ id, key, header, value, made }: Draft, again: boolean, scope: Scope): Promise<PutResult> {
    const { client, keys } = this.#parts;
    const outcome = await commitOnce(client, scope, {
      guards: [absent(keys.done(id))],
      ops: [put(keys.value(id), value), put(key, header), put(keys.bell, '')],
      witness: keys.value(id),
    });
    if (outcome.kind === 'applied') return { id, added: true };
    if (!outcome.late && !again) return { id, added: false };
    return { id, added: await this.#isMadeBy(made, id, key, scope) };
  }

  /**
   * Whether an item is of the put that made this mark, now that an answer was lost: in its place, remembered, or, where it
   * was delivered meanwhile, in another place or among the dead. Of one that is nowhere any more, nobody else knows.
   */
  async #isMadeBy(made: string, id: string, key: string, scope: Scope): Promise<boolean> {
    const { client, keys, dead } = this.#parts;
    const call = { signal: scope.signal };
    const look = (...queries: Query[]) =>
      retrying(client, scope, () => client.store.commit([], queries.map(read), call)).then(({ reads }) => reads.flat());
    const [known] = await look({ key }, { key: keys.done(id) });
    if (known !== undefined) return decodeHeader(known.value).put === made;
    const letter = dead === undefined ? [] : [{ key: dead.item('', id) }];
    // What was in another place at the first look can have been acknowledged before the second one.
    const others = await look({ prefix: keys.items }, { key: keys.done(id) }, ...letter);
    const other = others.find((entry) => entry.key.endsWith(`/${id}`));
    return other === undefined || decodeHeader(other.value).put === made;
  }

  /** Resolves to whether all of them were added, surely and by this. */
  async #putTogether(batch: readonly Draft[], scope: Scope): Promise<boolean> {
    const { client, keys } = this.#parts;
    const guards = batch.flatMap(({ id }) => [absent(keys.value(id)), absent(keys.done(id))]);
    const ops = batch.flatMap(({ id, key, header, value }) => [put(keys.value(id), value), put(key, header)]);
    try {
      const { ok } = await orAbort(client.store.commit(guards, [...ops, put(keys.bell, '')]), scope);
      return ok;
    } catch (error) {
      scope.throwIfAborted();
      if (isCoordinationError(error, 'UNKNOWN_OUTCOME') || isRetryable(error)) return false;
      throw error;
    }
  }

  /** No id twice in one, and not more than half of what a store takes as a single value. */
  #batches(drafts: readonly Draft[]): readonly (readonly Draft[])[] {
    const { maxOps, maxValueBytes } = this.#parts.client.store.traits;
    const most = Math.floor((maxOps - 1) / 4);
    const batches: Draft[][] = [];
    let [bytes, ids] = [0, new Set<string>()];
    for (const draft of drafts) {
      bytes += draft.value.byteLength;
      const last = batches.at(-1);
      if (last !== undefined && last.length < most && bytes <= maxValueBytes / 2 && !ids.has(draft.id))
        last.push(draft);
      else {
        batches.push([draft]);
        [bytes, ids] = [draft.value.byteLength, new Set()];
      }
      ids.add(draft.id);
    }
    return batches;
  }
}

/** Refuses what is no delay, with `INVALID_OPTION`. */
export function checkDelay(delayMs: unknown): void {
  // A hundred years.
  if (delayMs === undefined || (typeof delayMs === 'number' && delayMs >= 0 && delayMs <= 3_155_760_000_000)) return;
  const sentence = 'delayMs must be from 0 to 3,155,760,000,000 milliseconds, a hundred years.';
  throw new CoordinationError('INVALID_OPTION', sentence, { field: 'delayMs' });
}

const itemOptions = ['id', 'delayMs'] as const;

/** Checks the options of a put, and takes them apart. */
export function checkPut(options: PutOptions, more: readonly string[] = []): CallOptions {
  checkCall(options, 'put', [...itemOptions, ...more]);
  const { signal, timeoutMs } = options;
  return { signal, timeoutMs };
}

/** Checks what is put together. What is wrong with a single item is told by its own check, before anything is sent. */
export function checkPutMany(items: readonly ItemOptions[], options: CallOptions, more: readonly string[] = []): void {
  if (!Array.isArray(items)) {
    throw new CoordinationError('INVALID_OPTION', 'items must be an array of { value, ... }.', { field: 'items' });
  }
  for (const item of items) checkKnown(item, ['value', ...itemOptions, ...more], 'an item');
  checkCall(options, 'putMany');
}
