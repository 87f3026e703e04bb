import type { Client, ClientOptions } from '../../client.js';
import type { LeaseId } from '../../core/store.js';
import type { Latency } from './connection.js';
import type { ClockError } from './node-clock.js';
import type { Operator } from './operator.js';
import type { Timeline } from './scheduler.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedService } from './service.js';
import { SimulatedNode } from './simulated-node.js';
import type { Truth } from './truth.js';

/** One of the nodes, or the client of one. */
export type NodeOrClient = SimulatedNode | Client;

/** What nodes are made of. */
export interface PopulationSetup {
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  readonly latency: Latency;
  /** By how much of its speed a clock may be wrong. */
  readonly drift: number;
  readonly ttlMs: number;
}

/** A store and the processes that use it, with everything that can be done to them by name. */
export abstract class Population {
  /** What is really the case in the store. */
  abstract readonly truth: Truth;
  /** One who acts on the store behind everybody's back. */
  abstract readonly operator: Operator;
  /** The store as its servers have it. */
  abstract readonly service: SimulatedService;
  /** The time to live of the clients' sessions, unless they are given another. In milliseconds. */
  readonly ttlMs: number;
  readonly #setup: PopulationSetup;
  readonly #everyNode: SimulatedNode[] = [];
  #nodes: SimulatedNode[] = [];
  #owners = 0;

  /** @internal */
  constructor(setup: PopulationSetup) {
    this.#setup = setup;
    this.ttlMs = setup.ttlMs;
  }

  /** The processes there are, those that crashed and were not replaced yet among them. */
  get nodes(): readonly SimulatedNode[] {
    return this.#nodes;
  }

  /** @internal All there ever were. */
  get everyNode(): readonly SimulatedNode[] {
    return this.#everyNode;
  }

  /** A new process, with a client. Throws as the client does. */
  node(options: ClientOptions = {}): SimulatedNode {
    const owner = ++this.#owners;
    const node = this.#make(`n${owner}`, owner, 1, options);
    this.#nodes.push(node);
    return node;
  }

  /** The client of a new process. Throws as the client does. */
  client(options: ClientOptions = {}): Client {
    return this.node(options).client;
  }

  /** The process of a client. Throws a RangeError for one of another world. */
  nodeOf(of: NodeOrClient): SimulatedNode {
    if (of instanceof SimulatedNode) return of;
    const node = this.#everyNode.find(({ client }) => client === of);
    if (node === undefined) throw new RangeError('This client is none of this world.');
    return node;
  }

  /** The process stands still until {@link resume}; time goes on for it. */
  pause(of: NodeOrClient): void {
    this.nodeOf(of).clock.freeze();
  }

  /** The machine sleeps until {@link resume}: its monotonic clock stands still too. */
  suspend(of: NodeOrClient): void {
    this.nodeOf(of).clock.freeze(true);
  }

  /** It goes on: with the timers that are late, then with what came in meanwhile. */
  resume(of: NodeOrClient): void {
    const node = this.nodeOf(of);
    node.disturb();
    node.clock.thaw();
  }

  /** Nothing gets through between this process and the store until {@link heal}; or only one way. What is sent arrives then. */
  partition(of: NodeOrClient, direction: 'both' | 'requests' | 'answers' = 'both'): void {
    const { connection } = this.nodeOf(of);
    if (direction !== 'answers') connection.hold('requests');
    if (direction !== 'requests') connection.hold('answers');
  }

  /** Breaks the connection: what is on its way is lost. There is another one after so many milliseconds. Default 0. */
  disconnect(of: NodeOrClient, forMs = 0): void {
    this.nodeOf(of).connection.break(forMs);
  }

  /** The next request (or the answer to it, after it was carried out) is lost, and the connection with it. */
  loseNext(of: NodeOrClient, what: 'request' | 'answer'): void {
    this.nodeOf(of).connection.loseNext(what);
  }

  /** Every message takes so many milliseconds longer. */
  slow(of: NodeOrClient, extraMs: number): void {
    this.nodeOf(of).connection.slow(extraMs);
  }

  /** Ends all that is wrong with a process and its connection; without one, with all of them. */
  heal(of?: NodeOrClient): void {
    for (const node of of === undefined ? this.#nodes : [this.nodeOf(of)]) node.heal();
  }

  /** Ends a lease now, as an operator can. Returns whether there was such a lease. */
  expire(session: { readonly lease: LeaseId } | LeaseId): boolean {
    return this.operator.expire(typeof session === 'string' ? session : session.lease);
  }

  /** The process is gone, without a word. Its lease stays until it runs out. */
  crash(of: NodeOrClient): void {
    this.nodeOf(of).crash();
  }

  /** @internal Another process, with a client of its own, in the place of one; undefined where that is not the last there. */
  replace(node: SimulatedNode): SimulatedNode | undefined {
    const at = this.#nodes.indexOf(node);
    if (at === -1) return undefined;
    const next = this.#make(node.name, node.owner, node.life + 1, {});
    this.#nodes[at] = next;
    return next;
  }

  #make(name: string, owner: number, life: number, client: ClientOptions): SimulatedNode {
    const { timeline, random, latency } = this.#setup;
    const own = random.fork(`${name}/${life}`);
    const node = new SimulatedNode({
      ...{ name, owner, life, timeline, service: this.service, random: own, latency },
      clockError: this.#clockError(random.fork(`${name}/clock`)),
      client: { ttlMs: this.ttlMs, ...client },
    });
    this.#everyNode.push(node);
    return node;
  }

  /** The same for each life: it is the machine's. */
  #clockError(random: SeededRandom): ClockError {
    const { drift } = this.#setup;
    const rate = 1 + drift * (2 * random.next() - 1);
    return { rate, offsetMs: drift === 0 ? 0 : random.between(-3_600_000, 3_600_000) };
  }
}
