import { type CounterInput, type Whole, whole } from './data-models.js';
import { line } from './model.js';
import { checkHistory, type Done, type Operation } from './operation.js';

/** A read, and what it may have been. */
export interface BoundedRead {
  readonly operation: Done<CounterInput, Whole | undefined>;
  readonly least: bigint;
  readonly most: bigint;
}

/** What a check of a counter came to. */
export interface CounterBounds {
  readonly verdict: 'legal' | 'illegal';
  /** Reads outside their bounds. */
  readonly outside: readonly BoundedRead[];
  describe(): string;
}

interface Event {
  readonly at: number;
  /** Of one moment, what widens the bounds goes first: then they overlap. */
  readonly order: number;
  readonly apply: () => void;
}

/** What the counter may hold as time goes by, and what the reads that are under way may have seen of it. */
class Bounds {
  /** What is surely in, and what is under way, upwards and downwards. */
  #sure: bigint;
  #up = 0n;
  #down = 0n;
  readonly #reads = new Set<{ least: bigint; most: bigint }>();

  constructor(initial: bigint) {
    this.#sure = initial;
  }

  beginAdd(amount: bigint): void {
    this.#pend(amount, amount < 0n);
    for (const read of this.#reads) {
      const { least, most } = this.#now();
      if (least < read.least) read.least = least;
      if (most > read.most) read.most = most;
    }
  }

  endAdd(amount: bigint): void {
    this.#pend(-amount, amount < 0n);
    this.#sure += amount;
  }

  /** Returns what ends the read, and tells what it may have been. */
  beginRead(): () => { readonly least: bigint; readonly most: bigint } {
    const read = this.#now();
    this.#reads.add(read);
    return () => {
      this.#reads.delete(read);
      return read;
    };
  }

  #now(): { least: bigint; most: bigint } {
    return { least: this.#sure + this.#down, most: this.#sure + this.#up };
  }

  #pend(amount: bigint, downwards: boolean): void {
    if (downwards) this.#down += amount;
    else this.#up += amount;
  }
}

type CounterOperation = Operation<CounterInput, Whole | undefined>;

function eventsOf(operation: CounterOperation, bounds: Bounds, outside: BoundedRead[]): Event[] {
  const { kind, input, callMs } = operation;
  if (kind === 'failed' || (kind === 'unknown' && input.op === 'read')) return [];
  if (input.op === 'add') {
    const amount = whole(input.amount, 'amount');
    const begin = { at: callMs, order: 0, apply: () => bounds.beginAdd(amount) };
    return kind === 'ok' ? [begin, { at: operation.returnMs, order: 3, apply: () => bounds.endAdd(amount) }] : [begin];
  }
  // Reads of unknown outcome went out above.
  const done = operation as BoundedRead['operation'];
  const value = whole(done.output, 'output');
  let end: (() => { readonly least: bigint; readonly most: bigint }) | undefined;
  const begin = (): void => {
    end = bounds.beginRead();
  };
  const look = (): void => {
    const seen = end?.();
    if (seen !== undefined && (value < seen.least || value > seen.most)) outside.push({ operation: done, ...seen });
  };
  return [
    { at: callMs, order: 1, apply: begin },
    { at: done.returnMs, order: 2, apply: look },
  ];
}

/**
 * Tells whether each read of a counter lies in its bounds: at least all that was surely added before it was called, and at
 * most all that was perhaps added before it returned; amounts below 0 the other way round. Weaker than a search with
 * `counterModel`, and O(n log n) with any number of processes. Answers of `add` are not looked at. Throws `INVALID_OPTION`,
 * and `INVALID_VALUE` for what is no integer.
 */
export function checkCounter(history: readonly CounterOperation[], initial: Whole = 0): CounterBounds {
  checkHistory(history);
  const bounds = new Bounds(whole(initial, 'initial'));
  const outside: BoundedRead[] = [];
  const events = history.flatMap((operation) => eventsOf(operation, bounds, outside));
  for (const { apply } of events.sort((a, b) => a.at - b.at || a.order - b.order)) apply();
  const verdict = outside.length === 0 ? 'legal' : 'illegal';
  const describe = (): string => {
    const lines = outside.slice(0, 8).map(({ operation, least, most }) => {
      return `\n    not from ${least} to ${most}: ${line(operation)}`;
    });
    return `The counter is ${verdict}: ${outside.length} reads are outside their bounds.${lines.join('')}`;
  };
  return { verdict, outside, describe };
}
