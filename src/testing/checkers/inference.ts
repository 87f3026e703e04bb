/** What the checkers of lists and of registers have in common. */
import type { Scalar } from './data-models.js';
import { line } from './model.js';
import { type ExternalRead, ownView } from './reads.js';
import type { Anomaly, AnomalyName, Edge, KeyHistory, Transaction, Writer } from './transaction.js';
import { identity, show } from './values.js';

/** What a transaction read of a key, before it wrote to it. */
export interface KeyRead {
  readonly reader: number;
  readonly values: readonly Scalar[];
}

/** A key while it is looked at. */
export class KeyView {
  readonly key: string;
  readonly #history: KeyHistory;
  readonly #all: AllTransactions;
  /** Who read it of others, and what. */
  readonly reads: readonly KeyRead[];
  /** What is said once, however often it was read. */
  readonly #told = new Set<unknown>();

  constructor(history: KeyHistory, all: AllTransactions) {
    this.key = history.key;
    this.#history = history;
    this.#all = all;
    this.reads = history.readers.flatMap((reader) => {
      const read = all.readsOf(reader).get(this.key);
      return read === undefined ? [] : [{ reader, values: read.values }];
    });
  }

  writerOf(value: Scalar): Writer | undefined {
    return this.#history.writers.get(identity(value));
  }

  /** The final writes of transactions that are in: what others could read. */
  get versions(): Writer[] {
    return [...this.#history.writers.values()].filter(({ transaction, final }) => final && this.#all.isIn(transaction));
  }

  /** Whether the transaction that wrote it was aborted. */
  isAborted(writer: Writer): boolean {
    return this.#all.transaction(writer.transaction).kind === 'failed';
  }

  anomaly(name: AnomalyName, what: string, ...transactions: readonly number[]): void {
    const who = [...new Set(transactions)].map((number) => this.#all.transaction(number));
    const lines = who.map((transaction) => `\n    ${line(transaction)}`).join('');
    this.#all.anomalies.push({ name, transactions: who, sentence: `Key ${show(this.key)}: ${what}${lines}` });
  }

  edge(from: number, to: number, kind: number, value: unknown): void {
    if (from !== to) this.#all.edges.push({ from, to, kind, key: this.key, value });
  }

  /** Looks at what was read against who wrote it: nobody, an aborted one, or one that wrote more to the key. */
  checkRead({ reader, values }: KeyRead): void {
    for (const value of values) this.#checkOrigin(reader, value);
    const last = values.at(-1);
    const writer = values.length === 0 ? undefined : this.writerOf(last);
    if (writer === undefined || writer.final || writer.transaction === reader || this.isAborted(writer)) return;
    this.anomaly('G1b', `${show(last)} was read, over which its transaction wrote.`, writer.transaction, reader);
  }

  #checkOrigin(reader: number, value: Scalar): void {
    const writer = this.writerOf(value);
    if (writer !== undefined && !this.isAborted(writer)) return;
    const id = identity(value);
    if (this.#told.has(id)) return;
    this.#told.add(id);
    if (writer === undefined) this.anomaly('unwritten-read', `${show(value)} was read, and nobody wrote it.`, reader);
    else {
      const what = `${show(value)} was read, and was written by an aborted transaction.`;
      this.anomaly('G1a', what, writer.transaction, reader);
    }
  }

  /** Two that read one version and both wrote the next: the update of one is lost. */
  checkUpdates(): void {
    const updates = new Map<unknown, number>();
    for (const { reader, values } of this.reads) {
      if (!this.#all.writes(reader, this.key)) continue;
      const version = values.length === 0 ? undefined : identity(values.at(-1));
      const other = updates.get(version);
      if (other !== undefined) this.anomaly('lost-update', 'two read the same and both wrote.', other, reader);
      updates.set(version, reader);
    }
  }

  checkTwice(): void {
    for (const { value, by } of this.#history.twice) {
      this.anomaly('duplicates', `${show(value)} was written twice; nobody can tell who wrote what is read.`, ...by);
    }
  }
}

/** All transactions, which of them count, and what was found. */
export class AllTransactions {
  readonly anomalies: Anomaly[] = [];
  readonly edges: Edge[] = [];
  readonly #transactions: readonly Transaction[];
  readonly #reads: readonly ReadonlyMap<string, ExternalRead>[];
  readonly #in: Uint8Array;
  readonly #written: readonly ReadonlySet<string>[];

  constructor(transactions: readonly Transaction[], keys: readonly KeyHistory[]) {
    this.#transactions = transactions;
    const none: ReadonlyMap<string, ExternalRead> = new Map();
    this.#reads = transactions.map((transaction) => {
      if (transaction.kind !== 'ok') return none;
      const { reads, anomalies } = ownView(transaction);
      for (const anomaly of anomalies) this.anomalies.push(anomaly);
      return reads;
    });
    this.#in = Uint8Array.from(transactions, ({ kind }) => (kind === 'ok' ? 1 : 0));
    this.#written = transactions.map(({ input }) => {
      return new Set(input.filter(({ op }) => op !== 'read').map(({ key }) => key));
    });
    for (const key of keys) this.#takeIn(key);
  }

  /** Of unknown outcome, and seen: it took effect, if not aborted. */
  #takeIn({ key, writers, readers }: KeyHistory): void {
    for (const reader of readers) {
      for (const value of this.readsOf(reader).get(key)?.values ?? []) {
        const writer = writers.get(identity(value));
        if (writer !== undefined && this.transaction(writer.transaction).kind === 'unknown')
          this.#in[writer.transaction] = 1;
      }
    }
  }

  transaction(number: number): Transaction {
    // Numbers are places in the list.
    return this.#transactions[number] as Transaction;
  }

  /** Whether it took effect, as far as is known. */
  isIn(number: number): boolean {
    return this.#in[number] === 1;
  }

  readsOf(number: number): ReadonlyMap<string, ExternalRead> {
    return this.#reads[number] ?? new Map();
  }

  writes(number: number, key: string): boolean {
    return this.#written[number]?.has(key) === true;
  }
}
