import type { Guard, Op, Query } from '../../core/store.js';
import { CoordinationError, printable } from '../../errors.js';
import type { WireEntry } from './entries.js';
import { garbled } from './json.js';
import { covers, isEverything, type WireRange, wireKey, wireRange } from './keys.js';

/** One operation of a transaction. */
interface KvOp {
  readonly Verb: string;
  readonly Key: string;
  readonly Value?: string;
  readonly Flags?: number;
  readonly Session?: string;
}

/** What the results of an operation are: nothing, one entry without its value, or entries. */
type Yield = 'nothing' | 'one' | 'entries';

/** An operation, and what it is there for. */
interface Step {
  readonly op: KvOp;
  readonly yields: Yield;
  /** What a `check-index` compares with. */
  readonly index?: bigint;
  /** `read`: its results answer the read step of that number. */
  readonly read?: number;
  /** The results of a write tell the index of the transaction. */
  readonly writes?: boolean;
  /** It counts on who holds its key: nobody, or a session that is known. */
  readonly concernsHolder?: boolean;
}

/** What an earlier attempt at a commit found out: which session holds a key. */
export type Holders = ReadonlyMap<string, string>;

/** The index at which a ticket was last written, as far as that is known. */
export type TicketIndex = (guard: Guard & { kind: 'held' }) => bigint;

/** Consul's own limits for one transaction. */
export const maxTxnOps = 64;
const maxTxnBytes = 512 * 1024;

/** A commit as Consul's transaction, and how to read its results. */
export class Txn {
  readonly #guards: number;
  readonly #steps: readonly Step[];
  readonly #reads: readonly { readonly query: Query; readonly range: WireRange }[];
  readonly #unchecked: ReadonlySet<string>;

  constructor(parts: TxnParts) {
    this.#guards = parts.guards;
    this.#steps = parts.steps;
    this.#reads = parts.reads;
    this.#unchecked = parts.unchecked;
  }

  /** Whether it only looks. */
  get readsOnly(): boolean {
    return this.#firstWrite === -1;
  }

  get #firstWrite(): number {
    return this.#steps.findIndex(({ op }) => writeVerbs.has(op.Verb));
  }

  /** The request. Throws `VALUE_TOO_LARGE` for what Consul would not take, by its default settings. */
  body(place: Readonly<Record<string, string>>): string {
    const where = placeText(place);
    const ops = this.#steps.map(({ op, index }) => {
      const text = JSON.stringify(op);
      // The index of a check can have more digits than a number of JavaScript.
      const more = index === undefined ? where : `${where},"Index":${index}`;
      return more === '' ? `{"KV":${text}}` : `{"KV":${text.slice(0, -1)}${more}}}`;
    });
    const body = `[${ops.join(',')}]`;
    const bytes = Buffer.byteLength(body);
    if (bytes <= maxTxnBytes) return body;
    const sentence = `The commit makes ${bytes} bytes as Consul's JSON, which takes at most ${maxTxnBytes} at once; values count 4/3 of their size.`;
    throw new CoordinationError('VALUE_TOO_LARGE', sentence, { field: 'ops' });
  }

  /** Whether the operation of this number is a guard. */
  isGuard(at: number): boolean {
    return at < this.#guards;
  }

  /** Whether the operation of this number can fail because of the session that holds its key. */
  concernsHolder(at: number): boolean {
    return this.#steps[at]?.concernsHolder === true;
  }

  /** What an ACL policy must say for the operation of this number; by default for the first that writes. */
  rule(at = this.#firstWrite): string {
    const { Verb = 'get', Key = '' } = this.#steps[Math.max(0, at)]?.op ?? {};
    const kind = Verb.endsWith('-tree') ? 'key_prefix' : 'key';
    return `${kind} "${printable(Key)}" { policy = "${writeVerbs.has(Verb) ? 'write' : 'read'}" }`;
  }

  /** Sorts the results out. Throws `PROTOCOL_ERROR` where they do not fit the operations. */
  results(results: readonly WireEntry[]): TxnResults {
    return new ResultReader(this.#steps, results, this.#unchecked).read(this.#reads);
  }
}

interface TxnParts {
  readonly guards: number;
  readonly steps: readonly Step[];
  readonly reads: readonly { readonly query: Query; readonly range: WireRange }[];
  /** Keys that were put without a lease and without a look at their session. */
  readonly unchecked: ReadonlySet<string>;
}

export interface TxnResults {
  /** The index of the transaction, where it wrote anything that tells. */
  readonly index: bigint | undefined;
  /** What each read step found, before anything is chosen or ordered. */
  readonly reads: readonly { readonly query: Query; readonly range: WireRange; readonly found: readonly WireEntry[] }[];
  /** The index of the newest entry that was found. */
  readonly newest: bigint;
  /** Keys that were to be without a session, and have one. */
  readonly stillHeld: readonly WireEntry[];
  /** Keys with a session that were there before they were written. */
  readonly rewritten: readonly WireEntry[];
}

/** Where in Consul Enterprise an operation is meant for, as the end of its JSON. */
function placeText({ ns, partition }: Readonly<Record<string, string>>): string {
  const namespace = ns === undefined ? '' : `,"Namespace":${JSON.stringify(ns)}`;
  return partition === undefined ? namespace : `${namespace},"Partition":${JSON.stringify(partition)}`;
}

const writeVerbs: ReadonlySet<string> = new Set(['set', 'lock', 'unlock', 'delete', 'delete-tree']);

/** Gives each write flags of its own: Consul takes a write of what is there already for none. */
export type NextFlags = () => number;

/** What a transaction is made with, beside what it is to do. */
export interface TxnMeans {
  readonly flags: NextFlags;
  readonly ticketIndex: TicketIndex;
  /** Sessions known to stand in its way. */
  readonly holders?: Holders;
}

/** Makes a commit into a transaction. */
export function toTxn(guards: readonly Guard[], ops: readonly Op[], means: TxnMeans): Txn {
  return new TxnBuilder(guards, means).build(ops);
}

class TxnBuilder {
  readonly #flags: NextFlags;
  readonly #holders: Holders;
  readonly #guards: readonly Step[];
  readonly #steps: Step[] = [];
  readonly #reads: { readonly query: Query; readonly range: WireRange }[] = [];
  readonly #absent: ReadonlySet<string>;
  /** Keys that are known to be there at this point, or known not to be. */
  readonly #known = new Map<string, boolean>();
  readonly #unchecked = new Set<string>();

  constructor(guards: readonly Guard[], { flags, holders = new Map(), ticketIndex }: TxnMeans) {
    this.#flags = flags;
    this.#holders = holders;
    this.#guards = guards.map((guard) => guardStep(guard, ticketIndex));
    for (const { op } of this.#guards) this.#known.set(op.Key, op.Verb !== 'check-not-exists');
    const absent = guards.flatMap((guard) => (guard.kind === 'absent' ? [wireKey(guard.key)] : []));
    this.#absent = new Set(absent);
  }

  build(ops: readonly Op[]): Txn {
    let room = maxTxnOps - this.#guards.length - ops.length;
    const ordered = treesFirst(ops);
    const marked = ops.some(({ kind }) => kind === 'put') ? undefined : ordered.find(({ kind }) => kind === 'delete');
    for (const op of ordered) {
      const mark = op === marked && room >= 2;
      if (op.kind === 'read') this.#read(op.query);
      else if (op.kind === 'delete') this.#delete(op, mark);
      else room -= this.#put(op, room);
    }
    const [guards, steps] = [this.#guards.length, [...this.#guards, ...this.#steps]];
    return new Txn({ guards, steps, reads: this.#reads, unchecked: this.#unchecked });
  }

  /** A delete does not tell its index: where that is needed, a write of the same key right beside it does. */
  #delete({ range }: Op & { kind: 'delete' }, mark: boolean): void {
    const { text, recurse } = wireRange(range);
    // The prefix of everything is no name for a key.
    const Key = text === '' ? 'coterie' : text;
    const marker: Step = { op: { Verb: 'set', Key, Flags: mark ? this.#flags() : 0 }, yields: 'one', writes: true };
    const gone: Step = { op: { Verb: 'delete', Key }, yields: 'nothing' };
    const tree: Step = { op: { Verb: 'delete-tree', Key: text }, yields: 'nothing' };
    if (recurse) this.#steps.push(tree, ...(mark ? [marker, gone] : []));
    else this.#steps.push(...(mark ? [marker] : []), gone);
    for (const key of this.#known.keys()) if (covers({ text, recurse }, key)) this.#known.set(key, false);
    if (!recurse) this.#known.set(text, false);
  }

  /** Resolves to how many more operations it takes than one. */
  #put({ key, value, lease }: Op & { kind: 'put' }, room: number): number {
    const Key = wireKey(key);
    const write = { Key, Value: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
    this.#known.set(Key, true);
    const holder = this.#holders.get(Key);
    const before = this.#steps.length;
    if (lease !== undefined) {
      if (holder !== undefined && holder !== lease) this.#write({ ...write, Verb: 'unlock', Session: holder }, true);
      this.#write({ ...write, Verb: 'lock', Session: lease }, true);
    } else if (holder !== undefined) {
      this.#write({ ...write, Verb: 'unlock', Session: holder }, true);
    } else {
      this.#write({ ...write, Verb: 'set' }, false);
      if (!this.#absent.has(Key)) this.#checkUnheld(Key, room);
    }
    return this.#steps.length - before - 1;
  }

  #write(op: KvOp, concernsHolder: boolean): void {
    this.#steps.push({ op: { ...op, Flags: this.#flags() }, yields: 'one', writes: true, concernsHolder });
  }

  /** A set leaves a key with the session that it has. Looked at in the same transaction, if that has room for it. */
  #checkUnheld(Key: string, room: number): void {
    if (room > 0)
      this.#steps.push({ op: { Verb: 'check-session', Key, Session: '' }, yields: 'one', concernsHolder: true });
    else this.#unchecked.add(Key);
  }

  #read(query: Query): void {
    const range = wireRange(query);
    if (isEverything(range)) {
      const sentence = 'A commit on Consul cannot read everything: name a folder, or use read().';
      throw new CoordinationError('UNSUPPORTED', sentence, { field: 'ops', problem: 'everything' });
    }
    const read = this.#reads.push({ query, range }) - 1;
    const known = range.recurse ? undefined : this.#known.get(range.text);
    if (known === false) return;
    // A get of a missing key would fail the transaction.
    if (known === true) this.#steps.push({ op: { Verb: 'get', Key: range.text }, yields: 'one', read });
    else this.#steps.push({ op: { Verb: 'get-tree', Key: range.text }, yields: 'entries', read });
  }
}

/**
 * Deletes of prefixes go before all other writes, up to the first read: a commit does not put what it deletes, so that
 * their order says nothing. Where something near was written before in the same transaction, Consul 1.8 does not wake
 * those who wait for a change of a key in the tree.
 */
function treesFirst(ops: readonly Op[]): readonly Op[] {
  const read = ops.findIndex(({ kind }) => kind === 'read');
  const [before, after] = read === -1 ? [ops, []] : [ops.slice(0, read), ops.slice(read)];
  const isTree = (op: Op): boolean => op.kind === 'delete' && 'prefix' in op.range;
  return [...before.filter(isTree), ...before.filter((op) => !isTree(op)), ...after];
}

function guardStep(guard: Guard, ticketIndex: TicketIndex): Step {
  // Refused before: see StoreTraits.rangeGuards. A guard must never be left out.
  if (guard.kind === 'untouched') throw new CoordinationError('UNSUPPORTED', 'Consul cannot compare a range.');
  const Key = wireKey(guard.key);
  if (guard.kind === 'absent') return { op: { Verb: 'check-not-exists', Key }, yields: 'nothing' };
  // There is no check of the index at which a key came to be. That of its last write says the same, where that is known.
  const index = guard.kind === 'unchanged' ? guard.modified : ticketIndex(guard);
  return { op: { Verb: 'check-index', Key }, index, yields: 'one' };
}

/**
 * Results come as one list, without a word about which operation each is of. The entries of one tree rise by key, and an
 * entry of the next one that would fit into this tree is in this tree too, hence not above its last. What is left is the
 * result of a write of a key that this transaction writes later: the tree cannot have it at the transaction's index.
 */
class ResultReader {
  readonly #steps: readonly Step[];
  readonly #results: readonly WireEntry[];
  readonly #unchecked: ReadonlySet<string>;
  readonly #newest: bigint;
  readonly #index: bigint | undefined;
  #at = 0;

  constructor(steps: readonly Step[], results: readonly WireEntry[], unchecked: ReadonlySet<string>) {
    this.#steps = steps;
    this.#results = results;
    this.#unchecked = unchecked;
    this.#newest = results.reduce((top, { modified }) => (modified > top ? modified : top), 0n);
    this.#index = steps.some((step) => step.writes === true) ? this.#newest : undefined;
  }

  read(queries: readonly { readonly query: Query; readonly range: WireRange }[]): TxnResults {
    const reads = queries.map(({ query, range }) => ({ query, range, found: [] as WireEntry[] }));
    const stillHeld: WireEntry[] = [];
    const rewritten: WireEntry[] = [];
    this.#steps.forEach((step, at) => {
      if (step.yields === 'nothing') return;
      const found = step.yields === 'one' ? [this.#one(step)] : this.#tree(step.op.Key, at);
      if (step.read !== undefined) reads[step.read]?.found.push(...found);
      else if (step.writes === true) {
        stillHeld.push(...found.filter((entry) => this.#isStillHeld(entry, step)));
        rewritten.push(...found.filter(({ session, created, modified }) => session && created !== modified));
      }
    });
    if (this.#at !== this.#results.length) throw garbled('it has results of nothing');
    return { index: this.#index, newest: this.#newest, reads, stillHeld, rewritten };
  }

  #isStillHeld({ key, session }: WireEntry, { op }: Step): boolean {
    return op.Verb === 'set' && session !== undefined && this.#unchecked.has(key);
  }

  #one({ op, writes }: Step): WireEntry {
    const entry = this.#results[this.#at++];
    if (entry?.key !== op.Key) throw garbled('the result of an operation is missing');
    if (writes === true && entry.modified !== this.#index)
      throw garbled('the writes of one transaction differ in index');
    return entry;
  }

  #tree(prefix: string, step: number): WireEntry[] {
    const found: WireEntry[] = [];
    let last: Buffer | undefined;
    for (let entry = this.#results[this.#at]; entry !== undefined; entry = this.#results[this.#at]) {
      if (!entry.key.startsWith(prefix) || this.#isLaterWrite(entry, step)) break;
      const bytes = Buffer.from(entry.key);
      if (last !== undefined && Buffer.compare(bytes, last) <= 0) break;
      last = bytes;
      found.push(entry);
      this.#at++;
    }
    return found;
  }

  #isLaterWrite({ key, modified }: WireEntry, step: number): boolean {
    if (modified !== this.#index) return false;
    return this.#steps.some(({ op, writes }, at) => at > step && writes === true && op.Key === key);
  }
}
