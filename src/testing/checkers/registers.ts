import { Graph } from './graph.js';
import type { KeyView } from './inference.js';
import { returnOf } from './operation.js';
import { timeOrder } from './time-order.js';
import { type Edge, edgeKinds, type Transaction, type Writer } from './transaction.js';
import { identity, show } from './values.js';

const { ww, wr, rw } = edgeKinds;

/** The number of the version that was there before all writes. */
const initial = 0;

function revisionOf(transaction: Transaction): bigint | undefined {
  return transaction.kind === 'ok' ? transaction.revision : undefined;
}

/** By revision, where all who wrote tell one. */
function byRevision(versions: readonly Writer[], transactions: readonly Transaction[]): [number, number][] | undefined {
  const rows = versions.map(({ transaction }, number) => {
    return { number: number + 1, revision: revisionOf(transactions[transaction] as Transaction) };
  });
  if (rows.some(({ revision }) => revision === undefined)) return undefined;
  rows.sort((a, b) => ((a.revision ?? 0n) < (b.revision ?? 0n) ? -1 : 1));
  return rows.map(({ number }, place) => [rows[place - 1]?.number ?? initial, number]);
}

/** By what is known otherwise: the first version is before all, what was read before writing is, and time may tell. */
function byInference(
  view: KeyView,
  versions: readonly Writer[],
  transactions: readonly Transaction[],
  realtime: boolean,
): [number, number][] {
  const numbers = new Map(versions.map(({ value }, number) => [identity(value), number + 1]));
  const written = new Map(versions.map(({ transaction }, number) => [transaction, number + 1]));
  const pairs: [number, number][] = [];
  for (const { reader, values } of view.reads) {
    const own = written.get(reader);
    const before = values.length === 0 ? initial : numbers.get(identity(values[0]));
    if (own !== undefined && before !== undefined && own !== before) pairs.push([before, own]);
  }
  if (realtime) {
    const spans = versions.map(({ transaction }) => {
      const operation = transactions[transaction] as Transaction;
      return { callMs: operation.callMs, returnMs: returnOf(operation) };
    });
    for (const [before, after] of timeOrder(spans)) pairs.push([before + 1, after + 1]);
  }
  const later = new Set(pairs.map(([, after]) => after));
  for (let number = 1; number <= versions.length; number++) if (!later.has(number)) pairs.push([initial, number]);
  return pairs;
}

/** Whether the versions cannot be put in a line; it is said, and nothing can be told of the key then. */
function isCyclic(view: KeyView, versions: readonly Writer[], pairs: readonly (readonly [number, number])[]): boolean {
  const graph = new Graph(
    versions.length + 1,
    pairs.map(([from, to]) => ({ from, to, kind: ww })),
  );
  const [circle] = graph.inside(graph.components(ww), ww).values();
  if (circle === undefined) return false;
  const numbers = [...new Set(circle.flatMap(({ from, to }: Edge) => [from, to]))].filter(
    (number) => number !== initial,
  );
  const members = numbers.slice(0, 4).map((number) => versions[number - 1] as Writer);
  const what = `each of these came after the others: ${members.map(({ value }) => show(value)).join(', ')}.`;
  view.anomaly('cyclic-versions', what, ...members.map(({ transaction }) => transaction));
  return true;
}

/** One edge for each pair of versions that follow each other, and for each read of the first of them. */
function addEdges(view: KeyView, versions: readonly Writer[], pairs: readonly (readonly [number, number])[]): void {
  const writerAt = (number: number): Writer => versions[number - 1] as Writer;
  const next: Writer[][] = [[], ...versions.map(() => [])];
  for (const [before, after] of pairs) {
    const writer = writerAt(after);
    next[before]?.push(writer);
    if (before !== initial) view.edge(writerAt(before).transaction, writer.transaction, ww, writer.value);
  }
  const numbers = new Map(versions.map(({ value }, number) => [identity(value), number + 1]));
  for (const { reader, values } of view.reads) {
    const seen = values.length === 0 ? initial : numbers.get(identity(values[0]));
    if (seen === undefined) continue;
    for (const after of next[seen] ?? []) view.edge(reader, after.transaction, rw, after.value);
  }
}

/**
 * What is known of a key that is written: a read shows who wrote, and what a transaction read before it wrote comes before
 * what it wrote. Revisions, where there are any, tell the rest, and so does time at the strict level.
 */
export function inferRegister(view: KeyView, transactions: readonly Transaction[], realtime: boolean): void {
  view.checkTwice();
  view.checkUpdates();
  const { reads, versions } = view;
  for (const read of reads) {
    view.checkRead(read);
    const writer = read.values.length === 0 ? undefined : view.writerOf(read.values[0]);
    if (writer !== undefined && !view.isAborted(writer)) view.edge(writer.transaction, read.reader, wr, read.values[0]);
  }
  const pairs = byRevision(versions, transactions) ?? byInference(view, versions, transactions, realtime);
  if (!isCyclic(view, versions, pairs)) addEdges(view, versions, pairs);
}
