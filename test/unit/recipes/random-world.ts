import type { Hold } from '../../../src/core/hold.js';
import type { Entry, LeaseId } from '../../../src/core/store.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { MemoryCluster } from '../../../src/transport/memory/cluster.js';
import { Node } from './random-node.js';
import { Dice } from './random-process.js';
import { Trace, Truth, Violation } from './random-truth.js';

/** What a client believes to hold. */
export interface Belief {
  readonly node: Node;
  readonly path: string;
  readonly hold: Hold;
  readonly lease: LeaseId;
  readonly sinceMs: number;
}

/** What has been asked of a client and has not come to an end. */
export interface Pending {
  readonly node: Node;
  readonly what: string;
}

/** What goes on in a world. */
export interface Life {
  /** What a client does all day. */
  work(world: RandomWorld, node: Node): Promise<void>;
  /** Observes to the end. */
  follow(world: RandomWorld, node: Node): Promise<void>;
  /** Begins to make trouble. Returns how to end it. */
  trouble(world: RandomWorld): () => void;
}

const paths = ['/locks/a', '/locks/b', '/election/c'] as const;

/** One who acts on the store behind everybody's back, and whom that is held against. */
class Operator {
  readonly #world: RandomWorld;
  /** When which ticket or lease was struck. */
  readonly #struck = new Map<string, number>();

  constructor(world: RandomWorld) {
    this.#world = world;
  }

  /** When the operator took this from under its holder. */
  struckMs(key: string, created: bigint, lease: LeaseId): number | undefined {
    return this.#struck.get(`${key}@${created}`) ?? this.#struck.get(lease);
  }

  revokeOne(): void {
    const { cluster, dice } = this.#world;
    const leases = cluster.leases();
    if (leases.length > 0) this.#revoke(dice.pick(leases).id);
  }

  revokeAll(): void {
    for (const { id } of this.#world.cluster.leases()) this.#revoke(id);
  }

  deleteTicket(): void {
    const ticket = this.#anyTicket();
    if (ticket !== undefined) this.#world.cluster.deleteKey(ticket.key);
  }

  overwriteTicket(): void {
    const ticket = this.#anyTicket();
    if (ticket !== undefined) this.#world.cluster.putKey(ticket.key, 'overwritten');
  }

  /** Takes away what only the operator can: tickets that hang on no lease. */
  tidy(): void {
    for (const { key, lease } of this.#world.tickets()) if (lease === undefined) this.#world.cluster.deleteKey(key);
  }

  #revoke(id: LeaseId): void {
    this.#struck.set(id, this.#world.clock.now());
    this.#world.cluster.revokeLease(id);
  }

  #anyTicket(): Entry | undefined {
    const tickets = this.#world.tickets();
    if (tickets.length === 0) return undefined;
    const ticket = this.#world.dice.pick(tickets);
    this.#struck.set(`${ticket.key}@${ticket.created}`, this.#world.clock.now());
    return ticket;
  }
}

/** Several clients, what they do, and what is done to them, all drawn from one seed. */
export class RandomWorld {
  readonly clock = new VirtualClock();
  readonly cluster = new MemoryCluster({ clock: this.clock });
  readonly trace = new Trace();
  readonly truth = new Truth(this.cluster);
  readonly operator = new Operator(this);
  readonly nodes: Node[] = [];
  readonly beliefs = new Set<Belief>();
  readonly pending = new Set<Pending>();
  readonly paths = paths;
  readonly dice: Dice;
  readonly ttlMs: number;
  readonly drift: number;
  /** Increments that were acknowledged, and those of which it is not known whether they were applied. */
  readonly counts = new Map<string, { known: number; unknown: number }>();
  /** What must have been stored by the end of this moment. */
  readonly stored: { readonly key: string; readonly value: string }[] = [];
  readonly tally = { acquired: 0, refused: 0, lost: 0 };
  /** What each observer of the election saw last: a token, or a vacancy. */
  readonly observed = new Map<Node, string>();
  /** Nobody begins anything new. */
  ending = false;
  /** Whether beliefs are asked for at every step, which makes clients look at the clock more often than they would. */
  readonly #nosy: boolean;
  readonly #newest = new Map<string, bigint>();
  readonly #life: Life;
  #failure: { readonly error: unknown } | undefined;
  /** The faults that struck, and how often. */
  readonly struck = new Map<string, number>();

  constructor(seed: number, life: Life, drift = 0.005) {
    this.#life = life;
    this.dice = new Dice(seed);
    this.ttlMs = this.dice.pick([200, 1_000, 3_000]);
    this.drift = drift;
    this.#nosy = this.dice.chance(0.5);
    for (let i = this.dice.whole(3, 6); i > 0; i--) this.join();
  }

  /** Runs it to the end. Throws what was broken. */
  async run(): Promise<void> {
    const calm = this.#life.trouble(this);
    await this.#passUntil(this.clock.now() + this.ttlMs * this.dice.whole(4, 12));
    calm();
    this.operator.tidy();
    for (const node of this.nodes) node.heal();
    for (const node of this.nodes) if (node.state === 'up') await node.exhaust();
    this.ending = true;
    // Two lives of a lease, the time-out of a call, and the longest pause between two looks for a ticket that turned up late.
    const boundMs = this.clock.now() + 2 * this.ttlMs + 5_000 + 30_000;
    while (this.clock.now() < boundMs && this.#waiting().length > 0) await this.#pass(boundMs);
    const stuck = this.#waiting().map(({ node, what }) => `${node.name} ${what}`);
    if (stuck.length > 0) throw new Violation(`stuck in the quiet after the faults: ${stuck.join(', ')}`);
    this.#checkCounts();
    await this.#checkObservers();
    await this.#end();
  }

  join(): void {
    const node = new Node(`n${this.nodes.length}`, this);
    this.nodes.push(node);
    for (let i = this.dice.whole(1, 3); i > 0; i--) void this.during(node, 'work', this.#life.work(this, node));
    if (this.dice.chance(0.2)) void this.#life.follow(this, node);
  }

  close(node: Node): void {
    node.state = 'closed';
    void this.during(node, 'close', node.client.close());
  }

  /** Sees to it that a promise is missed where it does not settle. */
  async during(node: Node, what: string, promise: Promise<void>): Promise<void> {
    const pending = { node, what };
    this.pending.add(pending);
    try {
      await promise;
    } catch (error) {
      this.fail(error);
    } finally {
      this.pending.delete(pending);
    }
  }

  /** Ends the run with this error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  tickets(): Entry[] {
    return this.cluster.entries().filter(({ key }) => !key.startsWith('/count'));
  }

  note(node: Node, what: string): void {
    this.trace.note(`${this.clock.now().toFixed(3)} ${node.name} ${what}`);
  }

  /** A client was granted a hold. */
  granted(node: Node, path: string, hold: Hold): Belief {
    const { lease } = hold.guard as { lease: LeaseId };
    const belief = { node, path, hold, lease, sinceMs: this.clock.now() };
    this.note(node, `granted ${path} ${hold.token}`);
    this.tally.acquired++;
    if (this.struckMs(belief) !== undefined) this.#checkUndisturbed(belief);
    else {
      if (!hold.isHeld() && node.state === 'up') throw new Violation(`${hold.key} was granted when lost already`);
      if (hold.token <= (this.#newest.get(path) ?? 0n)) throw new Violation(`token ${hold.token} came too late`);
      this.#newest.set(path, hold.token);
    }
    this.beliefs.add(belief);
    return belief;
  }

  /** Whether, and when, the operator took from under it what a client believes to hold. */
  struckMs({ hold, lease }: Belief): number | undefined {
    return this.operator.struckMs(hold.key, hold.token, lease);
  }

  /** What an operator took away before is granted only where that, or the answer of the deciding read, came late. */
  #checkUndisturbed(belief: Belief): void {
    const { node, hold } = belief;
    const struckMs = this.struckMs(belief) ?? 0;
    const inDoubt = this.struck.has('sleep') || this.struck.has('stepWall') || node.disturbedMs >= struckMs;
    if (inDoubt || struckMs === this.clock.now()) return;
    throw new Violation(`${hold.key} was granted, though an operator had taken it away before`);
  }

  async #passUntil(ms: number): Promise<void> {
    while (this.clock.now() < ms) await this.#pass(ms);
  }

  /** Lets time pass to the next moment at which anything happens, and looks at everything then. */
  async #pass(untilMs: number): Promise<void> {
    await this.clock.advanceTo(Math.min(this.clock.nextMs ?? untilMs, untilMs));
    this.truth.check();
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#checkBeliefs();
    for (const { key, value } of this.stored.splice(0)) {
      if (!this.truth.wasStored(key, value)) throw new Violation(`${value} was acknowledged, but never stored`);
    }
  }

  #checkBeliefs(): void {
    const entries = new Map(this.cluster.entries().map((entry) => [entry.key, entry]));
    const believers = new Map<string, string>();
    for (const belief of this.beliefs) {
      const { node, hold, path } = belief;
      if (node.partitioned) node.disturb();
      if (node.state === 'crashed') this.beliefs.delete(belief);
      if (node.state === 'crashed' || node.process.frozen || !this.#believes(belief)) continue;
      if (this.struckMs(belief) !== undefined) {
        this.#checkDelusion(belief);
        continue;
      }
      checkTrue(belief, entries.get(hold.key));
      const other = believers.get(path);
      if (other !== undefined) throw new Violation(`${other} and ${hold.key} are believed to be held at once`);
      believers.set(path, hold.key);
    }
  }

  #believes({ hold }: Belief): boolean {
    // Of a sleep of the machine no timer tells; only who asks finds out.
    return this.#nosy || this.struck.has('sleep') ? hold.isHeld() : !hold.signal.aborted;
  }

  /** What an operator took away may be believed in for as long as news of it can be kept back. */
  #checkDelusion(belief: Belief): void {
    const { node, hold, sinceMs } = belief;
    const fromMs = Math.max(this.struckMs(belief) ?? 0, node.disturbedMs, sinceMs);
    if (this.clock.now() <= fromMs + this.ttlMs + 500) return;
    throw new Violation(`${node.name} still believes to hold ${hold.key}, which an operator took away`);
  }

  #waiting(): Pending[] {
    return [...this.pending].filter(({ node }) => node.state !== 'crashed');
  }

  #checkCounts(): void {
    for (const [path, { known, unknown }] of this.counts) {
      const found = this.truth.counted(path);
      if (found >= known && found <= known + unknown) continue;
      throw new Violation(`${found} increments of ${path}, where ${known} were acknowledged and ${unknown} unknown`);
    }
  }

  /** What is the case at last, every observer must have seen. */
  async #checkObservers(): Promise<void> {
    await this.#passUntil(this.clock.now() + 100);
    const standing = this.tickets().filter(({ key }) => key.startsWith('/election'));
    const [first] = standing.sort((a, b) => Number(a.created - b.created));
    const truth = first === undefined ? 'vacancy' : String(first.created);
    for (const [{ name, state }, seen] of this.observed) {
      if (state === 'up' && seen !== truth) throw new Violation(`${name} saw ${seen} last, where there was ${truth}`);
    }
  }

  /** Closes what is open. Then nothing may be left. */
  async #end(): Promise<void> {
    const up = this.nodes.filter(({ state }) => state === 'up');
    for (const node of up) this.close(node);
    const boundMs = this.clock.now() + this.ttlMs + 5_000;
    while (this.clock.now() < boundMs && this.#waiting().length > 0) await this.#pass(boundMs);
    if (this.#waiting().length > 0) throw new Violation('a client does not get closed');
    await this.#passUntil(this.clock.now() + 2 * this.ttlMs + 6_000);
    await this.truth.end();
    const keys = this.tickets().map(({ key }) => key);
    if (keys.length > 0) throw new Violation(`tickets are left: ${keys.join(', ')}`);
    if (this.cluster.leases().length > 0) throw new Violation('leases are left');
    for (const { name, state, process } of this.nodes) {
      if (state !== 'crashed' && process.armed > 0) throw new Violation(`${process.armed} timers of ${name} are left`);
    }
    const crashed = this.nodes.some(({ state }) => state === 'crashed');
    if (!crashed && this.clock.pending > 0) throw new Violation('timers are left');
  }
}

/** What a client believes to hold, the store must have. */
function checkTrue({ node, hold, lease }: Belief, entry: Entry | undefined): void {
  if (entry?.created === hold.token && entry.lease === lease) return;
  throw new Violation(`${node.name} believes to hold ${hold.key}, which the store has not`);
}
