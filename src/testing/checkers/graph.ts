import { at, type IntLists, intLists, item } from './ints.js';
import type { Edge } from './transaction.js';

/** Where the depth-first walk of Tarjan's algorithm is. */
interface Walk {
  readonly order: Int32Array;
  readonly low: Int32Array;
  readonly component: Int32Array;
  readonly next: Int32Array;
  readonly open: number[];
  readonly path: number[];
  count: number;
  components: number;
}

/** Who comes before whom, by edges of several kinds. Questions are asked of the edges whose kinds are in a mask. */
export class Graph {
  readonly size: number;
  readonly edges: readonly Edge[];
  /** For each node the numbers of the edges that leave it. */
  readonly #leaving: IntLists;

  constructor(size: number, edges: readonly Edge[]) {
    this.size = size;
    this.edges = edges;
    const lengths = new Int32Array(size);
    for (const { from } of edges) lengths[from] = at(lengths, from) + 1;
    this.#leaving = intLists(lengths, (append) => {
      for (const [number, { from }] of edges.entries()) append(from, number);
    });
  }

  /**
   * For each node the number of its strongly connected component: all nodes that lie on circles with each other. Tarjan's
   * algorithm ("Depth-first search and linear graph algorithms", 1972), without recursion; linear.
   */
  components(mask: number): Int32Array {
    const { size } = this;
    const walk: Walk = {
      order: new Int32Array(size).fill(-1),
      low: new Int32Array(size),
      component: new Int32Array(size).fill(-1),
      next: this.#leaving.starts.slice(0, size),
      open: [],
      path: [],
      count: 0,
      components: 0,
    };
    for (let root = 0; root < size; root++) {
      if (at(walk.order, root) >= 0) continue;
      enter(walk, root);
      while (walk.path.length > 0) this.#walkOn(walk, mask);
    }
    return walk.component;
  }

  /** The edges that lie in a component, of these kinds; by component. */
  inside(component: Int32Array, mask: number): Map<number, Edge[]> {
    const found = new Map<number, Edge[]>();
    for (const edge of this.edges) {
      const number = at(component, edge.from);
      if ((edge.kind & mask) === 0 || number !== at(component, edge.to) || edge.from === edge.to) continue;
      const list = found.get(number);
      if (list === undefined) found.set(number, [edge]);
      else list.push(edge);
    }
    return found;
  }

  /** A shortest way, by edges of these kinds within one component. `effort` counts down the edges looked at, and ends it. */
  path(from: number, to: number, mask: number, component: Int32Array, effort: { left: number }): Edge[] | undefined {
    const came = new Map<number, Edge | undefined>([[from, undefined]]);
    const queue = [from];
    const { starts, items } = this.#leaving;
    for (let head = 0; head < queue.length && effort.left > 0; head++) {
      const node = item(queue, head);
      if (node === to) return wayBack(came, to);
      for (let place = at(starts, node); place < at(starts, node + 1); place++) {
        effort.left--;
        const edge = item(this.edges, at(items, place));
        if ((edge.kind & mask) === 0 || came.has(edge.to) || at(component, edge.to) !== at(component, from)) continue;
        came.set(edge.to, edge);
        queue.push(edge.to);
      }
    }
    return undefined;
  }

  #walkOn(walk: Walk, mask: number): void {
    const node = item(walk.path, walk.path.length - 1);
    const place = at(walk.next, node);
    if (place < at(this.#leaving.starts, node + 1)) {
      walk.next[node] = place + 1;
      const { kind, to } = item(this.edges, at(this.#leaving.items, place));
      if ((kind & mask) === 0) return;
      if (at(walk.order, to) < 0) enter(walk, to);
      else if (at(walk.component, to) < 0) walk.low[node] = Math.min(at(walk.low, node), at(walk.order, to));
      return;
    }
    walk.path.pop();
    const above = walk.path.at(-1);
    if (above !== undefined) walk.low[above] = Math.min(at(walk.low, above), at(walk.low, node));
    if (at(walk.low, node) !== at(walk.order, node)) return;
    for (let member = -1; member !== node; ) {
      member = walk.open.pop() ?? node;
      walk.component[member] = walk.components;
    }
    walk.components++;
  }
}

function enter(walk: Walk, node: number): void {
  walk.order[node] = walk.count;
  walk.low[node] = walk.count++;
  walk.open.push(node);
  walk.path.push(node);
}

function wayBack(came: ReadonlyMap<number, Edge | undefined>, to: number): Edge[] {
  const edges: Edge[] = [];
  for (let edge = came.get(to); edge !== undefined; edge = came.get(edge.from)) edges.push(edge);
  return edges.reverse();
}
