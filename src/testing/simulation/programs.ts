import { isCoordinationError } from '../../errors.js';
import type { SimulatedNode } from './simulated-node.js';
import { Violation } from './violation.js';

/** What a process does. It should come to an end when `node.running` is false. Run again on the next node after a crash. */
export type Program = (node: SimulatedNode) => Promise<void>;

interface Running {
  readonly node: SimulatedNode;
  readonly what: string;
}

/** What was begun on nodes and has not come to its end. */
export class Programs {
  readonly #running = new Set<Running>();
  readonly #byName = new Map<string, Program>();
  readonly #fail: (error: unknown) => void;

  /** `fail` is told of every error that a program ends with. */
  constructor(fail: (error: unknown) => void) {
    this.#fail = fail;
  }

  /** Runs a program on a node, and on whatever takes its place. */
  run(node: SimulatedNode, program: Program): void {
    this.#byName.set(node.name, program);
    this.start(node, 'program', program(node));
  }

  /** Runs the program of the node whose place this one takes. */
  again(node: SimulatedNode): void {
    const program = this.#byName.get(node.name);
    if (program !== undefined) this.start(node, 'program', program(node));
  }

  start(node: SimulatedNode, what: string, promise: Promise<unknown>): void {
    const running = { node, what };
    this.#running.add(running);
    promise
      .catch((error: unknown) => {
        // One that is told to end finds its client closed.
        if (node.state === 'up' || !isCoordinationError(error)) this.#fail(error);
      })
      .finally(() => this.#running.delete(running));
  }

  /** Whether everything has come to its end, but for what was on nodes that crashed. */
  get ended(): boolean {
    return this.#waiting().length === 0;
  }

  /** Throws `L0` unless everything has come to its end. */
  checkEnded(): void {
    const stuck = this.#waiting().map(({ node, what }) => `${node.name} (${what})`);
    if (stuck.length > 0) throw new Violation('L0', `stuck in the quiet after the faults: ${stuck.join(', ')}`);
  }

  #waiting(): Running[] {
    return [...this.#running].filter(({ node }) => node.state !== 'crashed');
  }
}
