import type { Scalar } from './data-models.js';
import type { KeyRead, KeyView } from './inference.js';
import { item } from './ints.js';
import { edgeKinds, type Writer } from './transaction.js';
import { show, text } from './values.js';

const { ww, wr, rw } = edgeKinds;

function isPrefix(values: readonly Scalar[], of: readonly Scalar[]): boolean {
  return values.length <= of.length && values.every((value, at) => Object.is(value, of[at]));
}

/** The longest list that was read, of which all others have to be the beginning. */
function longestOf(reads: readonly KeyRead[]): KeyRead | undefined {
  return reads.reduce<KeyRead | undefined>((best, read) => {
    return best === undefined || read.values.length > best.values.length ? read : best;
  }, undefined);
}

function checkOrder(view: KeyView, order: readonly Scalar[], longest: KeyRead, reads: readonly KeyRead[]): void {
  for (const { reader, values } of reads) {
    if (isPrefix(values, order)) continue;
    const what = `${text(values)} is not the beginning of ${text(order)}, which was read too.`;
    view.anomaly('incompatible-order', what, reader, longest.reader);
  }
  const seen = new Set<Scalar>();
  for (const value of order) {
    if (seen.has(value)) view.anomaly('duplicates', `${show(value)} is there twice: ${text(order)}.`, longest.reader);
    seen.add(value);
  }
}

/** An aborted append that stayed, with one of a transaction that is in right after it. */
function checkDirty(view: KeyView, order: readonly Scalar[], longest: KeyRead): void {
  for (let at = 1; at < order.length; at++) {
    const before = view.writerOf(item(order, at - 1));
    const after = view.writerOf(item(order, at));
    if (before === undefined || after === undefined || !view.isAborted(before) || view.isAborted(after)) continue;
    const what = `${show(order[at])} was appended to an aborted ${show(order[at - 1])}.`;
    view.anomaly('dirty-update', what, before.transaction, after.transaction, longest.reader);
  }
}

/** What stands before all values. */
const start = Symbol('the empty list');

/** Who comes after whom in the list: values of those who are in, and what was appended and never read after all that was. */
function successors(view: KeyView, order: readonly Scalar[]): Map<Scalar | symbol, readonly Writer[]> {
  const next = new Map<Scalar | symbol, readonly Writer[]>();
  let before: Scalar | symbol = start;
  for (const value of order) {
    const writer = view.writerOf(value);
    if (writer === undefined || view.isAborted(writer) || next.has(value)) continue;
    next.set(before, [writer]);
    before = value;
  }
  const shown = new Set(order);
  // In an order that nobody knows.
  next.set(
    before,
    view.versions.filter(({ value }) => !shown.has(value)),
  );
  return next;
}

/**
 * What is known of a key to which values are appended: each read shows who wrote, and in which order (Kingsbury and Alvaro,
 * "Elle: inferring isolation anomalies from experimental observations", 2020).
 */
export function inferList(view: KeyView): void {
  view.checkTwice();
  view.checkUpdates();
  const { reads } = view;
  for (const read of reads) view.checkRead(read);
  const longest = longestOf(reads);
  if (longest === undefined) return;
  const order = longest.values;
  checkOrder(view, order, longest, reads);
  checkDirty(view, order, longest);
  const next = successors(view, order);
  for (const [value, writers] of next) {
    const from = typeof value === 'symbol' ? undefined : view.writerOf(value)?.transaction;
    if (from === undefined) continue;
    for (const to of writers) view.edge(from, to.transaction, ww, to.value);
  }
  for (const { reader, values } of reads.filter((read) => isPrefix(read.values, order))) {
    const last = values.findLast((value) => next.has(value));
    const writer = last === undefined ? undefined : view.writerOf(last);
    if (writer !== undefined) view.edge(writer.transaction, reader, wr, last);
    for (const to of next.get(last ?? start) ?? []) view.edge(reader, to.transaction, rw, to.value);
  }
}
