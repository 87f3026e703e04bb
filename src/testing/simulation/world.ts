import type { Client, ClientOptions } from '../../client.js';
import type { Cancel, Clock } from '../../core/clock.js';
import type { LeaseId } from '../../core/store.js';
import { isCoordinationError } from '../../errors.js';
import { Beliefs } from './beliefs.js';
import type { Latency } from './connection.js';
import { type FaultName, faults } from './faults.js';
import type { ClockError } from './node-clock.js';
import { Operator } from './operator.js';
import type { Personality } from './personality.js';
import type { Strike } from './plan.js';
import type { Scheduler } from './scheduler.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedService } from './service.js';
import { SimulatedNode } from './simulated-node.js';
import type { Trace } from './trace.js';
import { Truth } from './truth.js';
import { Violation } from './violation.js';

/** What a process does. It should come to an end when `node.running` is false. Run again on the next node after a crash. */
export type Program = (node: SimulatedNode) => Promise<void>;

/** What a {@link SimulatedWorld} is made of. */
export interface WorldSetup {
  readonly scheduler: Scheduler;
  readonly personality: Personality;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly ttlMs: number;
  readonly latency: Latency;
  /** By how much of its speed a clock may be wrong. */
  readonly drift: number;
  readonly durationMs: number;
  readonly strikes: readonly Strike[];
}

/** A program on a node that has not come to an end. */
interface Running {
  readonly node: SimulatedNode;
  readonly what: string;
}

interface Invariant {
  readonly name: string;
  readonly check: () => string | undefined;
}

/** A store, the processes that use it, and what happens to them, all drawn from one seed. */
export class SimulatedWorld {
  readonly service: SimulatedService;
  readonly truth: Truth;
  readonly operator: Operator;
  readonly beliefs: Beliefs;
  /** Virtual time, as nobody in the world has it. For the scenario itself. */
  readonly clock: Clock;
  /** Randomness for the scenario itself. */
  readonly random: SeededRandom;
  /** The time to live of the clients' sessions, unless they are given another. */
  readonly ttlMs: number;
  /** How long the faults go on in {@link chaos}. */
  readonly durationMs: number;
  /** How often which fault has struck. */
  readonly struck = new Map<FaultName, number>();
  /** Things that should happen sometimes, over all seeds, and how often they did; see {@link sometimes}. */
  readonly reached = new Map<string, number>();
  readonly #setup: WorldSetup;
  readonly #invariants: Invariant[] = [];
  readonly #running = new Set<Running>();
  readonly #programs = new Map<string, Program>();
  readonly #everyNode: SimulatedNode[] = [];
  #nodes: SimulatedNode[] = [];
  #owners = 0;
  #calm = false;
  #failure: { readonly error: unknown } | undefined;

  /** @internal */
  constructor(setup: WorldSetup) {
    this.#setup = setup;
    const { scheduler, personality, random, trace } = setup;
    this.random = random.fork('scenario');
    this.ttlMs = setup.ttlMs;
    this.durationMs = setup.durationMs;
    const now = (): number => scheduler.now();
    this.clock = { now, wall: now, after: (ms, fire) => scheduler.after(ms, fire) };
    this.truth = new Truth(() => this.service);
    this.service = new SimulatedService(scheduler, personality, random.fork('service'), (revision, generation) => {
      this.truth.take(revision, generation, now());
      for (const { key, next } of revision.changes) trace.note(now(), 0, next === undefined ? 'delete' : 'put', key);
    });
    this.operator = new Operator(this.service, this.truth, scheduler);
    const boundMs = 2 * this.ttlMs + 6_000;
    this.beliefs = new Beliefs(this.truth, this.operator, now, boundMs);
    this.beliefs.nosy = random.fork('nosy').chance(0.5);
  }

  /** The processes there are, those that crashed and were not replaced yet among them. */
  get nodes(): readonly SimulatedNode[] {
    return this.#nodes;
  }

  /** Virtual milliseconds since the beginning. */
  get nowMs(): number {
    return this.#setup.scheduler.now();
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

  /** A new process, with a client. */
  node(options: ClientOptions = {}): SimulatedNode {
    const owner = ++this.#owners;
    const node = this.#make(`n${owner}`, owner, 1, options);
    this.#nodes.push(node);
    return node;
  }

  /** The client of a new process. */
  client(options: ClientOptions = {}): Client {
    return this.node(options).client;
  }

  /** Starts a program on so many new nodes; and again on each one that takes the place of one of them. */
  run(count: number, program: Program, options: ClientOptions = {}): SimulatedNode[] {
    return Array.from({ length: count }, () => {
      const node = this.node(options);
      this.#programs.set(node.name, program);
      this.start(node, 'program', program(node));
      return node;
    });
  }

  /** Sees to it that a promise on a node is missed where it does not settle, and that its error, if any, ends the run. */
  start(node: SimulatedNode, what: string, promise: Promise<unknown>): void {
    const running = { node, what };
    this.#running.add(running);
    promise
      .catch((error: unknown) => {
        if (node.state === 'up' || !isCoordinationError(error)) this.fail(error);
      })
      .finally(() => this.#running.delete(running));
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
    this.#setup.trace.note(this.nowMs, node?.owner ?? 0, 'note', text);
  }

  /** Calls `run` after so many milliseconds of virtual time. */
  after(ms: number, run: () => void): Cancel {
    return this.#setup.scheduler.after(ms, run);
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
    for (const node of this.#nodes) node.heal();
    for (const node of this.#nodes) node.end();
    this.note(undefined, 'all is well again');
    await this.#allEnd(this.boundMs);
  }

  /** The process stands still until {@link resume}; time goes on for it. */
  pause(of: SimulatedNode | Client): void {
    this.nodeOf(of).clock.freeze();
  }

  /** The machine sleeps until {@link resume}: its monotonic clock stands still too. */
  suspend(of: SimulatedNode | Client): void {
    this.nodeOf(of).clock.freeze(true);
  }

  resume(of: SimulatedNode | Client): void {
    const node = this.nodeOf(of);
    node.disturb();
    node.clock.thaw();
  }

  /** Nothing gets through between this process and the store until {@link heal}; or only one way. */
  partition(of: SimulatedNode | Client, direction: 'both' | 'requests' | 'answers' = 'both'): void {
    const { connection } = this.nodeOf(of);
    if (direction !== 'answers') connection.hold('requests');
    if (direction !== 'requests') connection.hold('answers');
  }

  /** Ends all that is wrong with a process and its connection; without one, with all of them. */
  heal(of?: SimulatedNode | Client): void {
    for (const node of of === undefined ? this.#nodes : [this.nodeOf(of)]) node.heal();
  }

  /** Ends a lease now, as an operator can. Returns whether there was such a lease. */
  expire(session: { readonly lease: LeaseId } | LeaseId): boolean {
    return this.operator.expire(typeof session === 'string' ? session : session.lease);
  }

  /** The process is gone, without a word. */
  crash(of: SimulatedNode | Client): void {
    const node = this.nodeOf(of);
    this.note(node, 'crashes');
    node.crash();
  }

  /** The process ends in order: it closes its client. */
  shutdown(of: SimulatedNode | Client): void {
    const node = this.nodeOf(of);
    this.note(node, 'is told to end');
    this.start(node, 'close', node.close());
  }

  /** Another process takes the place of one that crashed or ended, and runs the same program. */
  restart(of: SimulatedNode | Client): SimulatedNode | undefined {
    const node = this.nodeOf(of);
    const at = this.#nodes.indexOf(node);
    if (node.state === 'up' || this.#calm || at === -1) return undefined;
    const next = this.#make(node.name, node.owner, node.life + 1, {});
    this.#nodes[at] = next;
    this.note(next, `starts again, life ${next.life}`);
    const program = this.#programs.get(node.name);
    if (program !== undefined) this.start(next, 'program', program(next));
    return next;
  }

  /** All is lost, and another cluster stands in the place of the store; every process is started anew after a while. */
  rebuild(random: SeededRandom = this.random): boolean {
    this.service.rebuild();
    this.truth.forget(this.service.generation);
    for (const node of this.#nodes) {
      this.after(random.between(100, 2 * this.ttlMs), () => {
        if (node.state === 'up') node.crash();
        this.restart(node);
      });
    }
    return true;
  }

  /** Whether there are others left if this one is gone. */
  expendable(node: SimulatedNode): boolean {
    return node.state === 'up' && this.#nodes.filter(({ state }) => state === 'up').length > 1;
  }

  /** The process of a client. Throws a RangeError for one of another world. */
  nodeOf(of: SimulatedNode | Client): SimulatedNode {
    if (of instanceof SimulatedNode) return of;
    const node = this.#everyNode.find(({ client }) => client === of);
    if (node === undefined) throw new RangeError('This client is none of this world.');
    return node;
  }

  /** @internal After every event. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.beliefs.check();
    for (const { name, check } of this.#invariants) {
      const wrong = check();
      if (typeof wrong === 'string') throw new Violation(name, wrong);
    }
  }

  /** @internal Closes what is open; then nothing may be left. Throws `S1` and `S2`. */
  async finish(): Promise<void> {
    for (const node of this.#nodes) {
      node.heal();
      if (node.state === 'up') this.shutdown(node);
    }
    await this.#allEnd(this.expiryMs + 10_000);
    await this.sleep(2 * this.expiryMs + 6_000);
    this.operator.tidy();
    this.#checkLeft();
  }

  #make(name: string, owner: number, life: number, client: ClientOptions): SimulatedNode {
    const { scheduler, random, latency } = this.#setup;
    const own = random.fork(`${name}/${life}`);
    const node = new SimulatedNode({
      ...{ name, owner, life, timeline: scheduler, service: this.service, random: own, latency },
      clockError: this.#clockError(random.fork(`${name}/clock`)),
      client: { ttlMs: this.ttlMs, ...client },
    });
    this.#everyNode.push(node);
    return node;
  }

  /** The same for each life: it is the machine's. */
  #clockError(random: SeededRandom): ClockError {
    const rate = 1 + this.#setup.drift * (2 * random.next() - 1);
    return { rate, offsetMs: random.between(-3_600_000, 3_600_000) };
  }

  #strike({ fault, node, forMs, seed }: Strike): void {
    const target = this.#nodes[node % Math.max(1, this.#nodes.length)];
    if (this.#calm || target === undefined || target.state !== 'up') return;
    this.#setup.trace.note(this.nowMs, target.owner, 'fault', `${fault} for ${forMs} ms`);
    const random = new SeededRandom(seed);
    if (!faults[fault]({ world: this, node: target, forMs, random })) return;
    this.struck.set(fault, (this.struck.get(fault) ?? 0) + 1);
  }

  async #allEnd(boundMs: number): Promise<void> {
    const untilMs = this.nowMs + boundMs;
    while (this.#waiting().length > 0 && this.nowMs < untilMs) await this.sleep(100);
    const stuck = this.#waiting().map(({ node, what }) => `${node.name} (${what})`);
    if (stuck.length > 0) throw new Violation('L0', `stuck in the quiet after the faults: ${stuck.join(', ')}`);
  }

  #waiting(): Running[] {
    return [...this.#running].filter(({ node }) => node.state !== 'crashed');
  }

  #checkLeft(): void {
    const keys = this.truth.under().filter(({ lease }) => lease !== undefined);
    if (keys.length > 0) throw new Violation('S1', `keys are left: ${keys.map(({ key }) => key).join(', ')}`);
    if (this.truth.leases.length > 0) throw new Violation('S1', 'leases are left');
    for (const { name, state, clock, client } of this.#everyNode) {
      if (state === 'crashed') continue;
      if (clock.armed > 0) throw new Violation('S2', `${clock.armed} timers of ${name} are left`);
      if (client.store.watching > 0) throw new Violation('S2', `${client.store.watching} watches of ${name} are left`);
    }
  }
}
