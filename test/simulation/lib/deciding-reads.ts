import type { Op, Query } from 'coterie';
import type { SimulatedNode } from 'coterie/testing';

/** The revision up to which, or the key which, a read asks about: by it the tickets are known that it decides about. */
function subject(query: Query): string | undefined {
  if ('key' in query) return query.key;
  return query.createdBefore === undefined ? undefined : String(query.createdBefore - 1n);
}

/**
 * When each node began the last of the reads that were answered and had to show a certain ticket: those of the line up to
 * it, and those of its key. Who is granted what was gone before that, has not looked at what the store said.
 */
export class DecidingReads {
  readonly #begun = new Map<string, number>();
  readonly #attended = new Set<SimulatedNode>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** From now on notes what this node reads. */
  attend(node: SimulatedNode): void {
    if (this.#attended.has(node)) return;
    this.#attended.add(node);
    const { store } = node.client;
    const read = store.read.bind(store);
    const commit = store.commit.bind(store);
    store.read = async (query, options) => {
      const atMs = this.#nowMs();
      const answer = await read(query, options);
      this.#note(node, query, atMs);
      return answer;
    };
    store.commit = async (guards, ops, options) => {
      const atMs = this.#nowMs();
      const answer = await commit(guards, ops, options);
      if (answer.ok) for (const op of ops) this.#noteOp(node, op, atMs);
      return answer;
    };
  }

  /** When the last read about this ticket that this node has the answer to was begun; undefined where there was none. */
  begunMs(node: SimulatedNode, key: string, token: bigint): number | undefined {
    const [byLine, byKey] = [this.#begun.get(nameOf(node, String(token))), this.#begun.get(nameOf(node, key))];
    return byLine === undefined || byKey === undefined ? (byLine ?? byKey) : Math.max(byLine, byKey);
  }

  #noteOp(node: SimulatedNode, op: Op, atMs: number): void {
    if (op.kind === 'read') this.#note(node, op.query, atMs);
  }

  #note(node: SimulatedNode, query: Query, atMs: number): void {
    const about = subject(query);
    if (about !== undefined) this.#begun.set(nameOf(node, about), atMs);
  }
}

function nameOf({ name, life }: SimulatedNode, about: string): string {
  return `${name}/${life} ${about}`;
}
