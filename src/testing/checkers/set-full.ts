import type { Scalar } from './data-models.js';
import { checkHistory, doneOf, type Operation, returnOf } from './operation.js';
import { identity, text } from './values.js';

/** What is done to a set: an element is added, or all of them are read. */
export type SetInput = { readonly op: 'add'; readonly element: Scalar } | { readonly op: 'read' };

/** What became of the elements. */
export interface SetFull {
  /** `unknown`: nothing is wrong, but there are elements that no read was called late enough to show. */
  readonly verdict: 'legal' | 'illegal' | 'unknown';
  /** Known to be in, and not in the last read that was called after that, nor in any later one. */
  readonly lost: readonly Scalar[];
  /** Known to be in, not in a read that was called after that, and in a later one again. */
  readonly stale: readonly Scalar[];
  /** Read, and added by nobody; or by one whose add had failed, as a fence makes it. */
  readonly invented: readonly Scalar[];
  /** More than once in one read. */
  readonly duplicated: readonly Scalar[];
  /** Added for sure, and no read was called after that. */
  readonly unread: readonly Scalar[];
  describe(): string;
}

interface Read {
  readonly callMs: number;
  readonly returnMs: number;
  readonly elements: ReadonlyMap<unknown, Scalar>;
}

/** One element: whether it was added, and since when it is known to be in. */
interface Element {
  readonly element: Scalar;
  tried: boolean;
  added: boolean;
  knownMs: number;
}

type SetOperation = Operation<SetInput, readonly Scalar[] | undefined>;

function readsOf(history: readonly SetOperation[], duplicated: Set<Scalar>): Read[] {
  const reads = doneOf(history).filter(({ input }) => input.op === 'read');
  return reads.map(({ callMs, returnMs, output = [] }) => {
    const elements = new Map<unknown, Scalar>();
    for (const element of output) {
      const id = identity(element);
      if (elements.has(id)) duplicated.add(element);
      elements.set(id, element);
    }
    return { callMs, returnMs, elements };
  });
}

function elementsOf(history: readonly SetOperation[], reads: readonly Read[]): Map<unknown, Element> {
  const found = new Map<unknown, Element>();
  const of = (element: Scalar): Element => {
    const id = identity(element);
    const known = found.get(id) ?? { element, tried: false, added: false, knownMs: Number.POSITIVE_INFINITY };
    found.set(id, known);
    return known;
  };
  for (const operation of history) {
    if (operation.input.op !== 'add' || operation.kind === 'failed') continue;
    const known = of(operation.input.element);
    known.tried = true;
    known.added ||= operation.kind === 'ok';
    known.knownMs = Math.min(known.knownMs, returnOf(operation));
  }
  for (const { elements, returnMs } of reads) {
    for (const element of elements.values()) of(element).knownMs = Math.min(of(element).knownMs, returnMs);
  }
  return found;
}

/** What the reads say of an element, once it is known to be in. */
function fateOf(id: unknown, { knownMs }: Element, reads: readonly Read[]): 'fine' | 'lost' | 'stale' | 'unread' {
  const after = reads.filter(({ callMs }) => callMs > knownMs);
  const missing = after.filter(({ elements }) => !elements.has(id));
  if (after.length === 0) return 'unread';
  if (missing.length === 0) return 'fine';
  const lastMissingMs = missing.reduce((last, { callMs }) => Math.max(last, callMs), Number.NEGATIVE_INFINITY);
  const isBack = reads.some(({ elements, returnMs }) => elements.has(id) && returnMs > lastMissingMs);
  return isBack ? 'stale' : 'lost';
}

/**
 * Tells what became of all that was added to a set, from which nothing is removed: what an add or a read has shown to be in
 * must be in every read that is called after. Takes the number of elements times that of the reads. Throws
 * `INVALID_OPTION`.
 */
export function checkSet(history: readonly SetOperation[]): SetFull {
  checkHistory(history);
  const duplicated = new Set<Scalar>();
  const reads = readsOf(history, duplicated);
  const fates = { fine: [], lost: [], stale: [], unread: [] } as {
    readonly [F in ReturnType<typeof fateOf>]: Scalar[];
  };
  const invented: Scalar[] = [];
  for (const [id, element] of elementsOf(history, reads)) {
    if (!element.tried) invented.push(element.element);
    else fates[fateOf(id, element, reads)].push(element.element);
  }
  const { lost, stale } = fates;
  // Of one that was perhaps added nothing need be known.
  const sure = new Set(
    history.flatMap(({ kind, input }) => (kind === 'ok' && input.op === 'add' ? [input.element] : [])),
  );
  const unread = fates.unread.filter((element) => sure.has(element));
  const wrong = lost.length + stale.length + invented.length + duplicated.size > 0;
  const verdict = wrong ? 'illegal' : unread.length > 0 ? 'unknown' : 'legal';
  const describe = (): string =>
    `The set is ${verdict}: lost ${text(lost)}, stale ${text(stale)}, invented ${text(invented)}, duplicated ${text([...duplicated])}, unread ${text(unread)}.`;
  return { verdict, lost, stale, invented, duplicated: [...duplicated], unread, describe };
}
