import { Graph } from './graph.js';
import { at } from './ints.js';
import { type CycleName, type Edge, edgeKinds } from './transaction.js';

const { ww, wr, rw, process, time } = edgeKinds;

/** A circle of transactions, each before the next, and the last before the first. */
export interface Cycle {
  readonly name: CycleName | `${CycleName}-${'process' | 'realtime'}`;
  readonly edges: readonly Edge[];
}

/** Edges that the search for the shortest circle may look at. Whether there is one is known without it. */
const effort = 4_000_000;
/** Edges in one component from which a shortest circle is looked for. */
const tried = 64;

/** A circle in these kinds that has an edge of the kind wanted, for each component with one; as short as is found. */
function cyclesWith(graph: Graph, mask: number, wanted: number): Edge[][] {
  const component = graph.components(mask);
  const left = { left: effort };
  return [...graph.inside(component, mask & wanted).values()].flatMap((edges) => {
    const found: Edge[][] = [];
    for (const edge of edges.slice(0, tried)) {
      // The first one may take what it needs: there is a circle, and it is to be shown.
      const budget = found.length === 0 ? { left: Number.POSITIVE_INFINITY } : left;
      const back = graph.path(edge.to, edge.from, mask, component, budget);
      if (back !== undefined) found.push([edge, ...back]);
    }
    return found.sort((a, b) => a.length - b.length).slice(0, 1);
  });
}

/** Circles with one read that missed a write and nothing else of that kind. */
function singles(graph: Graph, extra: number): Edge[][] {
  const mask = ww | wr | extra;
  const component = graph.components(mask | rw);
  const left = { left: effort };
  return [...graph.inside(component, rw).values()].flatMap((edges) => {
    let best: Edge[] | undefined;
    for (const edge of edges) {
      const back = graph.path(edge.to, edge.from, mask, component, left);
      if (back !== undefined && back.length + 1 < (best?.length ?? Number.POSITIVE_INFINITY)) best = [edge, ...back];
      if (best?.length === 2) break;
    }
    return best === undefined ? [] : [best];
  });
}

/**
 * Circles in which no two missed writes follow each other: in a graph of twice the nodes, where the second of a pair has no
 * such edge to leave by. None of them can be under snapshot isolation (Cerone and Gotsman, "Analysing snapshot isolation",
 * 2016).
 */
function nonadjacent(graph: Graph, extra: number): Edge[][] {
  const mask = ww | wr | rw | extra;
  const doubled = graph.edges.flatMap((edge) => {
    if ((edge.kind & mask) === 0) return [];
    const to = edge.kind === rw ? edge.to + graph.size : edge.to;
    const plain = { ...edge, to };
    return edge.kind === rw ? [plain] : [plain, { ...plain, from: edge.from + graph.size }];
  });
  const node = (number: number): number => number % graph.size;
  return cyclesWith(new Graph(graph.size * 2, doubled), mask, rw).map((edges) =>
    edges.map((edge) => ({ ...edge, from: node(edge.from), to: node(edge.to) })),
  );
}

const searches: readonly (readonly [CycleName, (graph: Graph, extra: number) => Edge[][]])[] = [
  ['G0', (graph, extra) => cyclesWith(graph, ww | extra, ww)],
  ['G1c', (graph, extra) => cyclesWith(graph, ww | wr | extra, wr)],
  ['G-single', singles],
  ['G-nonadjacent', nonadjacent],
  ['G2-item', (graph, extra) => cyclesWith(graph, ww | wr | rw | extra, rw)],
];

/** The name that a circle of missed writes has by their number, whatever search it was found by. */
function nameOf(name: CycleName, edges: readonly Edge[]): Cycle['name'] {
  const missed = edges.filter(({ kind }) => kind === rw).length;
  const base = missed === 1 ? 'G-single' : name;
  if (edges.some(({ kind }) => kind === time)) return `${base}-realtime`;
  return edges.some(({ kind }) => kind === process) ? `${base}-process` : base;
}

/**
 * One circle for each knot of transactions: of the worst kind that there is, and short. Whether there is one is exact; which
 * name it has may be too mild where a knot is so large that looking for a worse one was given up.
 */
export function findCycles(graph: Graph, extras: readonly ('process' | 'realtime')[]): Cycle[] {
  const masks = [
    0,
    ...(extras.includes('process') ? [process] : []),
    ...(extras.includes('realtime') ? [process | time] : []),
  ];
  const all = graph.components(masks.reduce((sum, mask) => sum | mask, ww | wr | rw));
  const reported = new Set<number>();
  const cycles: Cycle[] = [];
  for (const [name, search] of searches) {
    for (const mask of masks) {
      for (const edges of search(graph, mask)) {
        const knot = at(all, edges[0]?.from ?? 0);
        if (reported.has(knot)) continue;
        reported.add(knot);
        cycles.push({ name: nameOf(name, edges), edges });
      }
    }
  }
  return cycles;
}
