import type { ClientOptions } from '../../client.js';
import type { Cancel, Clock } from '../../core/clock.js';
import { Beliefs } from './beliefs.js';
import { type FaultName, faults } from './faults.js';
import { checkLeft } from './leftovers.js';
import { Operator } from './operator.js';
import type { Personality } from './personality.js';
import type { Strike } from './plan.js';
import { type NodeOrClient, Population, type PopulationSetup } from './population.js';
import { type Program, Programs } from './programs.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedService } from './service.js';
import type { SimulatedNode } from './simulated-node.js';
import type { Trace } from './trace.js';
import { Truth } from './truth.js';
import { Violation } from './violation.js';

/** What a {@link SimulatedWorld} is made of. */
export interface WorldSetup extends PopulationSetup {
  readonly personality: Personality;
  readonly trace: Trace;
  readonly durationMs: number;
  readonly strikes: readonly Strike[];
}

interface Invariant {
  readonly name: string;
  readonly check: () => string | undefined;
}

/** A store, the processes that use it, and what happens to them, all drawn from one seed. */
export class SimulatedWorld extends Population {
  readonly service: SimulatedService;
  readonly truth: Truth;
  readonly operator: Operator;
  /** What the clients believe to hold, checked after every event. */
  readonly beliefs: Beliefs;
  /** Virtual time, as nobody in the world has it. For the scenario itself. */
  readonly clock: Clock;
  /** Randomness for the scenario itself. */
  readonly random: SeededRandom;
  /** How long the faults go on in {@link chaos}. */
  readonly durationMs: number;
  /** How often which fault has struck. */
  readonly struck = new Map<FaultName, number>();
  /** Things that should happen sometimes, over all seeds, and how often they did; see {@link sometimes}. */
  readonly reached = new Map<string, number>();
  readonly #setup: WorldSetup;
  readonly #invariants: Invariant[] = [];
  readonly #programs = new Programs((error) => this.fail(error));
  #calm = false;
  #failure: { readonly error: unknown } | undefined;

  /** @internal */
  constructor(setup: WorldSetup) {
    super(setup);
    this.#setup = setup;
    const { timeline, random } = setup;
    this.random = random.fork('scenario');
    this.durationMs = setup.durationMs;
    this.clock = timeline;
    this.truth = new Truth(() => this.service);
    this.service = new SimulatedService(timeline, setup.personality, random.fork('service'), (revision, generation) => {
      this.truth.take(revision, generation, timeline.now());
      for (const { key, next } of revision.changes) this.#trace(0, next === undefined ? 'delete' : 'put', key);
    });
    this.operator = new Operator(this.service, this.truth, timeline);
    this.beliefs = new Beliefs(this.truth, this.operator, () => timeline.now(), 2 * this.ttlMs + 6_000);
    this.beliefs.nosy = random.fork('nosy').chance(0.5);
  }

  /** Virtual milliseconds since the beginning. */
  get nowMs(): number {
    return this.#setup.timeline.now();
  }

  /** Whether the faults are over. */
  get calm(): boolean {
    return this.#calm;
  }

  /** How long the last lease of a process that is gone can live. */
  get expiryMs(): number {
    return this.ttlMs * this.service.personality.traits.ttlFactor + 1_000;
  }

  /** How long, at most, anything that only had to wait for the faults to end takes after that. */
  get boundMs(): number {
    // Two lives of a lease, a call that times out, and the longest pause between two looks for a ticket that turned up late.
    return 2 * this.expiryMs + 5_000 + 30_000;
  }

  /** Starts a program on so many new nodes; and again on each one that takes the place of one of them. */
  run(count: number, program: Program, options: ClientOptions = {}): SimulatedNode[] {
    return Array.from({ length: count }, () => {
      const node = this.node(options);
      this.#programs.run(node, program);
      return node;
    });
  }

  /** Sees to it that a promise on a node is missed where it does not settle, and that its error, if any, ends the run. */
  start(node: SimulatedNode, what: string, promise: Promise<unknown>): void {
    this.#programs.start(node, what, promise);
  }

  /**
   * Something that must always be so: `check` returns what is wrong, as a sentence, or throws a {@link Violation}. Checked
   * after every event, so it should be cheap.
   */
  invariant(name: string, check: () => string | undefined): void {
    this.#invariants.push({ name, check });
  }

  /** Something that has to happen in some of the runs, or else they show nothing; see `SimulationReport.reached`. */
  sometimes(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }

  /** Ends the run with this error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** A line for the timeline. */
  note(node: SimulatedNode | undefined, text: string): void {
    this.#trace(node?.owner ?? 0, 'note', text);
  }

  /** Calls `run` after so many milliseconds of virtual time. */
  after(ms: number, run: () => void): Cancel {
    return this.#setup.timeline.after(ms, run);
  }

  /** Lets so much time pass. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /**
   * Lets the faults of this seed strike for {@link durationMs}, then heals everything, and waits for all programs to come to
   * their ends. Throws `L0` where one does not within {@link boundMs}.
   */
  async chaos(): Promise<void> {
    for (const strike of this.#setup.strikes) this.after(strike.atMs, () => this.#strike(strike));
    await this.sleep(this.durationMs);
    await this.settle();
  }

  /** Ends all faults, and waits for all programs to come to their ends. Throws `L0` where one does not in time. */
  async settle(): Promise<void> {
    this.#calm = true;
    this.service.full = false;
    this.service.lockDelayMs = 0;
    this.operator.tidy();
    this.heal();
    for (const node of this.nodes) node.end();
    this.note(undefined, 'all is well again');
    await this.#allEnd(this.boundMs);
  }

  override crash(of: NodeOrClient): void {
    this.note(this.nodeOf(of), 'crashes');
    super.crash(of);
  }

  /** The process ends in order: it closes its client. */
  shutdown(of: NodeOrClient): void {
    const node = this.nodeOf(of);
    this.note(node, 'is told to end');
    this.start(node, 'close', node.close());
  }

  /** Another process takes the place of one that crashed or ended, and runs the same program. */
  restart(of: NodeOrClient): SimulatedNode | undefined {
    const node = this.nodeOf(of);
    const next = node.state === 'up' || this.#calm ? undefined : this.replace(node);
    if (next === undefined) return undefined;
    this.note(next, `starts again, life ${next.life}`);
    this.#programs.again(next);
    return next;
  }

  /** All is lost, and another cluster stands in the place of the store; every process is started anew after a while. */
  rebuild(random: SeededRandom = this.random): boolean {
    this.service.rebuild();
    this.truth.forget(this.service.generation, this.nowMs);
    this.operator.forget();
    for (const node of this.nodes) {
      // Nothing comes from a cluster that is no more.
      node.connection.break(1);
      this.after(random.between(100, 2 * this.ttlMs), () => {
        if (node.state === 'up') node.crash();
        this.restart(node);
      });
    }
    return true;
  }

  /** Whether there are others left if this one is gone. */
  expendable(node: SimulatedNode): boolean {
    return node.state === 'up' && this.nodes.filter(({ state }) => state === 'up').length > 1;
  }

  /** @internal After every event. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.beliefs.check();
    for (const { name, check } of this.#invariants) {
      const wrong = check();
      if (wrong !== undefined) throw new Violation(name, wrong);
    }
  }

  /** @internal Closes what is open; then nothing may be left. Throws `S1` and `S2`. */
  async finish(): Promise<void> {
    this.heal();
    for (const node of this.nodes) if (node.state === 'up') this.shutdown(node);
    await this.#allEnd(this.expiryMs + 10_000);
    await this.sleep(2 * this.expiryMs + 6_000);
    this.operator.tidy();
    checkLeft(this.truth, this.everyNode);
  }

  #strike({ fault, node, forMs, seed }: Strike): void {
    const target = this.nodes[node % Math.max(1, this.nodes.length)];
    if (this.#calm || target === undefined || target.state !== 'up') return;
    this.#trace(target.owner, 'fault', `${fault} for ${forMs} ms`);
    const random = new SeededRandom(seed);
    if (!faults[fault]({ world: this, node: target, forMs, random })) return;
    this.struck.set(fault, (this.struck.get(fault) ?? 0) + 1);
  }

  async #allEnd(boundMs: number): Promise<void> {
    const untilMs = this.nowMs + boundMs;
    while (!this.#programs.ended && this.nowMs < untilMs) await this.sleep(100);
    this.#programs.checkEnded();
  }

  #trace(owner: number, kind: string, text: string): void {
    this.#setup.trace.note(this.nowMs, owner, kind, text);
  }
}
