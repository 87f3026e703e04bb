import type { Cancel, Clock } from '../../core/clock.js';
import { MinHeap } from '../../core/heap.js';
import { nextTurn } from '../virtual-clock.js';
import { canDrain, drainMicrotasks } from './microtasks.js';
import type { Order } from './order.js';

/** The wall clock of a world as it begins: the beginning of 2026. */
const wallStartMs = 1_767_225_600_000;

/** Steps that are taken in one turn of the event loop. */
const stepsPerTurn = 1_000;

/** Where things happen at their times: virtual ones of a {@link Scheduler}, or those of any clock. */
export interface Timeline extends Clock {
  /** Runs `run` once, no earlier than after so many milliseconds. `owner`: see {@link Task.owner}. */
  after(ms: number, run: () => void, owner?: number): Cancel;
}

/** Something that will happen. */
export interface Task {
  readonly dueMs: number;
  /** Whose it is: the number of a node, or 0 for the world around them. */
  readonly owner: number;
  readonly order: number;
  /** Undefined once it has run or was cancelled. */
  run: (() => void) | undefined;
}

/** What a scheduler tells of its steps. */
export interface Steps {
  /** Before each task is run. */
  before(task: Task): void;
  /** After a task was run, and everything that it set off has run too. What it throws ends the run. */
  after(): void;
}

/**
 * Virtual time: tasks run one after the other, each at its time, and after each one everything that it set off has run
 * before the next. Which one of several that are due at once comes first is for an {@link Order} to say.
 */
export class Scheduler implements Timeline {
  readonly #later = new MinHeap<Task>((a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order));
  readonly #order: Order;
  readonly #steps: Steps;
  /** Those that are due now, in the order in which they were armed. */
  #due: Task[] = [];
  #nowMs = 0;
  #armed = 0;
  #pending = 0;

  constructor(order: Order, steps: Steps) {
    this.#order = order;
    this.#steps = steps;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return wallStartMs + this.#nowMs;
  }

  /** How many tasks are armed. */
  get pending(): number {
    return this.#pending;
  }

  /** Runs `run` after so many milliseconds, no earlier. */
  after(ms: number, run: () => void, owner = 0): Cancel {
    const dueMs = this.#order.round(this.#nowMs + Math.max(0, ms), this.#nowMs);
    const task: Task = { dueMs, owner, order: this.#armed++, run };
    if (dueMs <= this.#nowMs) this.#due.push(task);
    else this.#later.push(task);
    this.#pending++;
    return () => {
      if (task.run === undefined) return;
      task.run = undefined;
      this.#pending--;
      // Cancelled tasks stay in the heap until their time; not too many of them.
      if (this.#later.size > 256 + 2 * this.#pending) this.#later.keep((kept) => kept.run !== undefined);
    };
  }

  /** Lets time pass until `over` says so, or nothing is left to happen. Rejects with what a step has thrown. */
  run(over: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          const steps = canDrain() ? stepsPerTurn : 1;
          if (this.#stepOften(steps, over)) resolve();
          else nextTurn(turn);
        } catch (error) {
          reject(error);
        }
      };
      nextTurn(turn);
    });
  }

  /** Returns whether it is over. */
  #stepOften(count: number, over: () => boolean): boolean {
    for (let i = 0; i < count; i++) {
      if (over() || !this.#step()) return true;
    }
    return false;
  }

  #step(): boolean {
    const task = this.#next();
    if (task?.run === undefined) return false;
    const { run } = task;
    task.run = undefined;
    this.#pending--;
    this.#steps.before(task);
    run();
    drainMicrotasks?.();
    this.#steps.after();
    return true;
  }

  #next(): Task | undefined {
    this.#due = this.#due.filter(({ run }) => run !== undefined);
    if (this.#due.length === 0) this.#advance();
    if (this.#due.length <= 1) return this.#due.pop();
    const at = this.#order.choose(this.#due);
    return this.#due.splice(at, 1)[0];
  }

  /** To the next time at which anything happens. */
  #advance(): void {
    let first = this.#later.peek();
    while (first !== undefined && first.run === undefined) {
      this.#later.pop();
      first = this.#later.peek();
    }
    if (first === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, first.dueMs);
    for (
      let next: Task | undefined = first;
      next !== undefined && next.dueMs <= this.#nowMs;
      next = this.#later.peek()
    ) {
      this.#later.pop();
      if (next.run !== undefined) this.#due.push(next);
    }
  }
}
