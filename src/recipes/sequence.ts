import { Backoff } from '../core/backoff.js';
import { Batches } from '../core/batches.js';
import { checkCall, checkInteger, checkKnown } from '../core/checks.js';
import { decodeText, encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { checkPath } from '../core/keys.js';
import { openScope, orAbort, type Scope } from '../core/signals.js';
import { absent, type CallOptions, type Entry, put, unchanged } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';

export interface SequenceOptions {
  /**
   * How many ids to reserve at once; an integer from 1. The more, the fewer round trips, and the more ids are left out
   * when a process ends. Default 100.
   */
  readonly block?: number | undefined;
}

/** Ids that are reserved and not yet given out: from `next`, up to before `end`. */
interface Block {
  next: bigint;
  readonly end: bigint;
}

/**
 * Numbers that are never given out twice, by whatever process, for as long as the store keeps its data: from 1, growing
 * within each Sequence object. Between processes they are not in the order of time, and there are gaps: a block that a
 * process has reserved is not used by any other, even if the process ends early.
 */
export class Sequence {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #block: bigint;
  readonly #callers: Batches<undefined, bigint>;
  #reserved: Block = { next: 0n, end: 0n };
  /** As it was when last seen. */
  #seen: Entry | undefined;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: SequenceOptions = {}) {
    checkKnown(options, ['block'], 'Sequence');
    checkPath(path);
    const { block = 100 } = options;
    checkInteger(block, 'block', 1);
    this.#client = client;
    this.#block = BigInt(block);
    this.#callers = new Batches(client.clock, (callers, scope) => this.#serve(callers.length, scope));
    this.path = path;
  }

  /**
   * The next id. No round trip within a block, one for a new block, one more for each time that somebody else was quicker.
   * Calls that wait at once share a block. Outages are waited out for as long as `signal` and `timeoutMs` allow.
   *
   * Rejects with the reason of `signal`, with `TIMEOUT`, with `CORRUPT_DATA` where the key holds no number, with `CLOSED`
   * or with what the store refuses. Ids can be left out then, and none is given out twice.
   */
  async next(options: CallOptions = {}): Promise<bigint> {
    checkCall(options, 'next');
    using scope = openScope(this.#client.clock, options, `the next id of "${printable(this.path)}"`);
    return await this.#callers.submit(undefined, scope);
  }

  async #serve(count: number, scope: Scope): Promise<readonly bigint[]> {
    const ids: bigint[] = [];
    while (ids.length < count) {
      if (this.#reserved.next === this.#reserved.end) this.#reserved = await this.#reserve(scope);
      ids.push(this.#reserved.next++);
    }
    return ids;
  }

  /**
   * Moves the number in the store on by a block. A block whose reservation was answered by nobody is given up: its ids
   * might be somebody else's by now.
   */
  async #reserve(scope: Scope): Promise<Block> {
    const { store, clock, random } = this.#client;
    const contended = new Backoff(clock, random, { baseMs: 5, capMs: 250 });
    const failing = new Backoff(clock, random);
    for (let attempt = 1; ; attempt++) {
      const next = nextOf(this.#seen, this.path);
      const end = next + this.#block;
      const guard = this.#seen === undefined ? absent(this.path) : unchanged(this.path, this.#seen.modified);
      const value = encodeText(`${end}`);
      try {
        const committing = store.commit([guard], [put(this.path, value)], { otherwise: [{ key: this.path }] });
        const { ok, revision, reads } = await orAbort(committing, scope);
        if (ok) {
          this.#seen = { key: this.path, value, created: revision, modified: revision };
          return { next, end };
        }
        this.#seen = reads[0]?.[0];
        if (attempt > 1) await contended.wait(scope);
      } catch (error) {
        scope.throwIfAborted();
        if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) throw error;
        await failing.wait(scope);
      }
    }
  }
}

/** The first id that nobody has reserved. */
function nextOf(seen: Entry | undefined, key: string): bigint {
  if (seen === undefined) return 1n;
  const text = decodeText(seen.value);
  if (/^[1-9]\d*$/.test(text)) return BigInt(text);
  throw new CoordinationError('CORRUPT_DATA', `"${printable(key)}" does not hold the next number of a sequence.`, {
    key,
  });
}
