import { getEventListeners } from 'node:events';
import { promiseHooks } from 'node:v8';
import { isCoordinationError } from '../../errors.js';
import type { Mishap } from './connection.js';
import type { SimulatedNode } from './simulated-node.js';
import { Violation } from './violation.js';
import type { SimulatedWorld } from './world.js';

/**
 * What is done to an operation at a point of it. `abort`: its signal aborts. `break`: the connection breaks under a message
 * of a watch. All others befall a call that it makes: `refuse`: nothing is sent. `loseRequest`: it never gets there.
 * `loseAnswer`: it is carried out, and nobody is told. `late`: it is carried out after its caller has given up.
 */
export type Harm = 'abort' | 'refuse' | 'loseRequest' | 'loseAnswer' | 'late' | 'break';

/** Every {@link Harm}. */
export const harms: readonly Harm[] = Object.freeze([
  ...(['abort', 'refuse', 'loseRequest', 'loseAnswer', 'late', 'break'] as const),
]);

/**
 * Where in an operation which harm is done: from 0, the `at`th of its awaits, of its calls, or of the messages of its
 * watches. For `abort`, 0 is before it begins.
 */
export interface Point {
  readonly harm: Harm;
  readonly at: number;
}

/** What a harmed operation is given. The timeout is one that nothing waits for: what is left of it is found. */
export interface Limits {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** How an operation ended. */
export type PointOutcome<T> = { readonly value: T } | { readonly error: unknown };

/** Makes the one operation of a trial that something is done to. Never rejects but with a {@link Violation}. */
export type Attempt = <T>(node: SimulatedNode, operation: (limits: Limits) => Promise<T>) => Promise<PointOutcome<T>>;

/** Longer than any wait of a trial, and no timeout that is left behind has fired by then. */
const timeoutMs = 1_000_000_000;

/** How long an operation may go on, at most: it has nothing to wait for but what the trial lets happen. */
const endMs = 120_000;

/** How long it may go on after its signal has aborted: it may have something to take back, and a call takes 5 seconds. */
const abortEndMs = 10_000;

/** How long what it has left to do in the background is harmed too. */
const afterMs = 1_000;

/** How long a connection is gone that broke. */
const breakMs = 5;

const mishaps: Readonly<Record<Exclude<Harm, 'abort' | 'break'>, Mishap>> = {
  refuse: 'refuse',
  loseRequest: 'request',
  loseAnswer: 'answer',
  late: 'late',
};

/** How a point is called, in reports and for a replay. */
export const nameOf = ({ harm, at }: Point): string => `${harm}@${at}`;

/** Does something to one operation at one point of it, and at another one after that; and looks at what it leaves. */
export class Probe {
  readonly #world: SimulatedWorld;
  readonly #points: readonly Point[];
  readonly #aborter = new AbortController();
  readonly #changedMind = new Error('The caller has changed its mind.');
  #node: SimulatedNode | undefined;
  #counted = 0;
  #hits = 0;
  #ended: string | undefined;

  constructor(world: SimulatedWorld, points: readonly Point[]) {
    this.#world = world;
    this.#points = points;
  }

  /** How many of the points it got to. */
  get hits(): number {
    return this.#hits;
  }

  /** How the operation ended: `value`, `aborted`, or the code of its error. Undefined before. */
  get ended(): string | undefined {
    return this.#ended;
  }

  readonly attempt: Attempt = async (node, operation) => {
    if (this.#node !== undefined) throw new RangeError('A trial attempts one operation, once.');
    this.#node = node;
    node.client.store.sent = () => this.#called(node);
    node.connection.carried = () => this.#carried(node);
    const stop = promiseHooks.onBefore(() => this.#await());
    try {
      this.#await();
      const outcome = await this.#outcome(operation);
      await this.#world.sleep(afterMs);
      this.#checkSignal();
      return outcome;
    } finally {
      stop();
      node.client.store.sent = () => {};
      node.connection.carried = () => {};
      this.#node = undefined;
    }
  };

  /** After each event: an abort between two of them finds what one has changed, before anybody has gone on with it. */
  step(): void {
    this.#await();
  }

  async #outcome<T>(operation: (limits: Limits) => Promise<T>): Promise<PointOutcome<T>> {
    const { signal } = this.#aborter;
    this.#limit(endMs, `it goes on for more than ${endMs} ms`);
    try {
      const value = await operation({ signal, timeoutMs });
      this.#ended = 'value';
      return { value };
    } catch (error) {
      this.#ended = this.#nameOf(error);
      return { error };
    }
  }

  #nameOf(error: unknown): string {
    if (error === this.#changedMind) return 'aborted';
    if (error instanceof Violation || !isCoordinationError(error)) throw error;
    // Nothing but the signal has been at it: there is nothing else to say, but that it is too late to say anything.
    if (this.#points[0]?.harm === 'abort' && this.#hits === this.#points.length && this.#points.length === 1) {
      if (error.code !== 'UNKNOWN_OUTCOME') throw new Violation('P1', `it was aborted, and ended with ${error.code}`);
    }
    return error.code;
  }

  #limit(ms: number, sentence: string): void {
    this.#world.after(ms, () => {
      if (this.#ended === undefined) this.#world.fail(new Violation('L0', sentence));
    });
  }

  #checkSignal(): void {
    const left = getEventListeners(this.#aborter.signal, 'abort').length;
    if (left > 0) throw new Violation('S2', `${left} listeners are left on its signal`);
  }

  /** Whether this is the point at which that harm is to be done now. */
  #meets(...kinds: readonly Harm[]): Harm | undefined {
    const point = this.#points[this.#hits];
    if (this.#node === undefined || point === undefined || !kinds.includes(point.harm)) return undefined;
    if (this.#counted++ !== point.at) return undefined;
    this.#hits++;
    this.#counted = 0;
    return point.harm;
  }

  #await(): void {
    if (this.#meets('abort') === undefined) return;
    this.#limit(abortEndMs, `it goes on for more than ${abortEndMs} ms after its signal has aborted`);
    this.#aborter.abort(this.#changedMind);
  }

  #called({ connection }: SimulatedNode): void {
    const harm = this.#meets('refuse', 'loseRequest', 'loseAnswer', 'late');
    // Those that are no calls are not asked for.
    if (harm !== undefined) connection.befallNext(mishaps[harm as keyof typeof mishaps]);
  }

  #carried({ connection }: SimulatedNode): void {
    if (this.#meets('break') !== undefined) connection.break(breakMs);
  }
}
