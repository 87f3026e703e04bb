import type { Clock } from '../../core/clock.js';
import { nameOf } from '../../core/ranges.js';
import type { CallOptions, Entry, Range } from '../../core/store.js';
import { WatchQueue } from '../../core/stream.js';
import { toEntry, type WireEntry } from './entries.js';
import { covers, type Scope, scopeOf, type WireRange, wireRange } from './keys.js';

/** What an answer says of the range that was asked for, or of something around it. */
export class State {
  /** At which it is the truth. */
  readonly revision: bigint;
  readonly entries: readonly WireEntry[];
  /** When it was asked for, counted in watches. */
  readonly moment: number;
  #byKey: ReadonlyMap<string, WireEntry> | undefined;

  constructor(revision: bigint, entries: readonly WireEntry[], moment: number) {
    this.revision = revision;
    this.moment = moment;
    this.entries = entries;
  }

  within(range: WireRange): readonly WireEntry[] {
    if (range.recurse) return this.entries.filter(({ key }) => key.startsWith(range.text));
    this.#byKey ??= new Map(this.entries.map((entry) => [entry.key, entry]));
    const entry = this.#byKey.get(range.text);
    return entry === undefined ? [] : [entry];
  }
}

/** One watch: the state that it has told of, and how to tell of the next one. Consul has no history, so it compares. */
export class View {
  /** What it is called by whoever watches it. */
  readonly name: string;
  readonly scope: Scope;
  readonly queue: WatchQueue;
  readonly #wire: WireRange;
  readonly #born: number;
  #known: Map<string, WireEntry> | undefined;
  #revision = -1n;

  constructor(range: Range, born: number, clock: Clock, options: CallOptions | undefined, ended: (view: View) => void) {
    this.#born = born;
    this.name = nameOf(range);
    this.#wire = wireRange(range);
    this.scope = scopeOf(this.#wire);
    const resnapshot = (): void => this.#snapshot();
    this.queue = new WatchQueue({ range: this.name, resnapshot, ended: () => ended(this) }, clock, options);
  }

  /** Whether it has told of a state yet. */
  get isOpen(): boolean {
    return this.#known !== undefined;
  }

  /** Whether what is asked for shows this range. */
  isSeenBy(scope: Scope): boolean {
    return covers(scope, this.scope.text) && (scope.recurse || !this.scope.recurse);
  }

  /**
   * Takes note of a state. Answers to questions asked side by side can overtake each other: an older one is passed over,
   * unless `reset` says that the store itself went back. Returns whether anything was different.
   */
  accept(state: State, reset: boolean): boolean {
    const known = this.#known;
    if (known === undefined ? state.moment < this.#born : state.revision < this.#revision && !reset) return false;
    const found = state.within(this.#wire);
    const puts = known === undefined ? found : found.filter((entry) => differs(known.get(entry.key), entry));
    const deletes = known === undefined ? [] : missing(known, found);
    const before = this.#revision;
    if (state.revision > before) this.#revision = state.revision;
    if (known !== undefined && puts.length + deletes.length === 0) return false;
    this.#known = new Map(found.map((entry) => [entry.key, entry]));
    const doubtful = reset || state.revision <= before || puts.some(({ modified }) => modified <= before);
    if (known === undefined || doubtful) this.#snapshot();
    else this.#changes(puts, deletes);
    return true;
  }

  #changes(puts: readonly WireEntry[], deletes: readonly string[]): void {
    const entries = this.#entries(puts);
    if (entries === undefined) return;
    const { slash } = this.#wire;
    const gone = slash ? deletes.map((key) => `/${key}`) : deletes;
    this.queue.changes({ kind: 'changes', revision: this.#revision, puts: entries, deletes: gone });
  }

  #snapshot(): void {
    const entries = this.#entries([...(this.#known?.values() ?? [])]);
    if (entries === undefined || this.#known === undefined) return;
    this.queue.restart();
    this.queue.snapshot(this.#revision, entries);
  }

  #entries(found: readonly WireEntry[]): readonly Entry[] | undefined {
    try {
      return found.map((entry) => toEntry(entry, this.#wire.slash));
    } catch (error) {
      this.queue.fail(error);
      return undefined;
    }
  }
}

function differs(before: WireEntry | undefined, now: WireEntry): boolean {
  return before === undefined || before.modified !== now.modified || before.created !== now.created;
}

function missing(known: ReadonlyMap<string, WireEntry>, found: readonly WireEntry[]): string[] {
  const here = new Set(found.map(({ key }) => key));
  return [...known.keys()].filter((key) => !here.has(key));
}
