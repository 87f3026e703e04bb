import { checkFunction, checkKnown, checkText, closedError, invalidOption } from '../../core/checks.js';
import type { Clock } from '../../core/clock.js';
import { isRetryable } from '../../errors.js';
import type { Operation } from './operation.js';
import { toLine } from './values.js';

export interface HistoryOptions {
  /**
   * Given a line of text, its line end included, whenever an operation begins or ends; for a file that outlives the
   * process. {@link readHistory} reads such files. Called at once and not waited for: write synchronously, or a process
   * that is killed takes what it had done with it.
   */
  readonly write?: (line: string) => void;
}

/** An operation that has begun. One of its methods is called once; a second call throws `CLOSED`. */
export interface Recording<O> {
  /** It answered. `revision` is that of the store at which it took effect, or which it saw, for `checkWitness`. */
  ok(output: O, revision?: bigint): void;
  /** It surely had no effect and never will have. When in doubt: {@link unknown}. */
  fail(): void;
  /** It may have taken effect, or may still do so. */
  unknown(): void;
}

export interface RecordOptions<R, O> {
  /** What of the result is the output. Default: the result itself. */
  readonly output?: (result: R) => O;
  /** The revision, where the result tells it. */
  readonly revision?: (result: R) => bigint | undefined;
  /** Whether an error says that there surely was no effect. Default: its `retryable`, which promises just that. */
  readonly failed?: (error: unknown) => boolean;
}

type Ending<O> =
  | { readonly kind: 'ok'; readonly output: O; readonly returnMs: number; readonly revision?: bigint }
  | { readonly kind: 'failed'; readonly returnMs: number }
  | { readonly kind: 'unknown' };

interface Slot<I, O> {
  readonly process: string;
  readonly input: I;
  readonly callMs: number;
  ending: Ending<O> | undefined;
}

/** A nanosecond: by so much what happens at one moment of a coarse clock is set apart. */
const apartMs = 1e-6;

/**
 * Writes down who asked for what, when, and what became of it, for the checkers. What happens in one history has a strict
 * order, on a clock that stands still too: what comes at the moment of the thing before is written down a nanosecond later.
 *
 * Histories of several processes can be joined where their clocks are the same. `performance.now()` begins anew in each
 * process; `process.hrtime` does not, on one machine: give `{ now: () => Number(process.hrtime.bigint()) / 1e6 }`.
 */
export class History<I, O> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #write: ((line: string) => void) | undefined;
  readonly #slots: Slot<I, O>[] = [];
  #lastMs = Number.NEGATIVE_INFINITY;

  /** Refuses a clock without `now()` and options it does not know, with `INVALID_OPTION` and `UNKNOWN_OPTION`. */
  constructor(clock: Pick<Clock, 'now'>, options: HistoryOptions = {}) {
    checkFunction((clock as Partial<Clock> | undefined)?.now, 'clock.now');
    checkKnown(options, ['write'], 'a history');
    if (options.write !== undefined) checkFunction(options.write, 'write');
    this.#clock = clock;
    this.#write = options.write;
  }

  /** An operation begins: call this right before asking. */
  begin(process: string, input: I): Recording<O> {
    if (process === undefined) throw invalidOption('process', 'process must be a name.', 'not-a-name');
    checkText(process, 'process', 'a name');
    const slot: Slot<I, O> = { process, input, callMs: this.#tick(), ending: undefined };
    const call = this.#slots.length;
    // Before it is kept, so that an input that cannot be written is refused and not half recorded.
    this.#write?.(`${toLine({ call, process, callMs: slot.callMs, input })}\n`);
    this.#slots.push(slot);
    return {
      ok: (output, revision) =>
        this.#end(slot, call, {
          kind: 'ok',
          output,
          returnMs: this.#tick(),
          ...(revision === undefined ? {} : { revision }),
        }),
      fail: () => this.#end(slot, call, { kind: 'failed', returnMs: this.#tick() }),
      unknown: () => this.#end(slot, call, { kind: 'unknown' }),
    };
  }

  /**
   * Does the work as one operation, and hands on its result, or its error: written down as failed where that surely means
   * no effect, and as unknown otherwise.
   */
  async record<R = O>(
    process: string,
    input: I,
    work: () => Promise<R>,
    options: RecordOptions<R, O> = {},
  ): Promise<R> {
    // Without an `output`, R is O, by its default.
    const { output = (result: R) => result as unknown as O, revision, failed = isRetryable } = options;
    const recording = this.begin(process, input);
    let result: R;
    try {
      result = await work();
    } catch (error) {
      if (failed(error)) recording.fail();
      else recording.unknown();
      throw error;
    }
    recording.ok(output(result), revision?.(result));
    return result;
  }

  /** What was written down so far, in the order of the calls. What has not ended counts as unknown. */
  operations(): Operation<I, O>[] {
    return this.#slots.map(({ process, input, callMs, ending }) => {
      return { process, input, callMs, ...(ending ?? { kind: 'unknown' }) };
    });
  }

  #end(slot: Slot<I, O>, end: number, ending: Ending<O>): void {
    if (slot.ending !== undefined) throw closedError('recording of this operation');
    this.#write?.(`${toLine({ end, ...ending })}\n`);
    slot.ending = ending;
  }

  #tick(): number {
    const nowMs = this.#clock.now();
    const soonestMs = this.#lastMs + apartMs;
    // Where numbers are so large that a nanosecond is lost on them, the next larger number.
    const laterMs = soonestMs > this.#lastMs ? soonestMs : this.#lastMs * (1 + Number.EPSILON);
    this.#lastMs = Math.max(nowMs, laterMs);
    return this.#lastMs;
  }
}
