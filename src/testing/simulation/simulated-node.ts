import { Client, type ClientOptions } from '../../client.js';
import type { LeaseId } from '../../core/store.js';
import { Connection, type Latency } from './connection.js';
import { type ClockError, NodeClock } from './node-clock.js';
import type { Timeline } from './scheduler.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedService } from './service.js';
import { SimulatedStore } from './simulated-store.js';

/** What a {@link SimulatedNode} is made of. */
export interface NodeSetup {
  readonly name: string;
  readonly owner: number;
  readonly life: number;
  readonly timeline: Timeline;
  readonly service: SimulatedService;
  readonly random: SeededRandom;
  readonly latency: Latency;
  readonly clockError: ClockError;
  readonly client: ClientOptions;
}

/** One process with one client, behind a connection of its own. After a crash, another one takes its place. */
export class SimulatedNode {
  /** The same over all its lives. */
  readonly name: string;
  /** The same over all its lives: how traces call it. */
  readonly owner: number;
  /** 1, and one more with each restart. */
  readonly life: number;
  /** Time as this process has it. */
  readonly clock: NodeClock;
  /** Randomness for what runs on it. */
  readonly random: SeededRandom;
  readonly client: Client<SimulatedStore>;
  /** @internal */
  readonly connection: Connection;
  /** The cluster that it knows, as {@link Truth.generation} counts them: of another one it knows nothing. */
  readonly generation: number;
  /** The sessions that it knows to be over. */
  readonly over = new Set<LeaseId>();
  readonly #timeline: Timeline;
  #state: 'up' | 'closed' | 'crashed' = 'up';
  #disturbedMs = 0;
  #ending = false;

  /** @internal */
  constructor(setup: NodeSetup) {
    const { timeline, service, owner, random, latency } = setup;
    this.name = setup.name;
    this.owner = owner;
    this.life = setup.life;
    this.generation = service.generation;
    this.random = random;
    this.#timeline = timeline;
    this.clock = new NodeClock(timeline, owner, setup.clockError);
    const ends = { timeline, service, clock: this.clock, random: random.fork('network'), owner, latency };
    this.connection = new Connection(ends);
    const store = new SimulatedStore(service, this.connection, this.clock);
    const options = { clock: this.clock, random: random.fork('client').next, host: setup.name, ...setup.client };
    this.client = new Client(store, options);
    this.client.events.on('session', ({ session, state }) => {
      if (state.kind === 'lost' || state.kind === 'closed') this.over.add(session.lease);
    });
  }

  /** `crashed`: it stands still and is cut off, for ever. `closed`: it was told to end. */
  get state(): 'up' | 'closed' | 'crashed' {
    return this.#state;
  }

  /** Whether it should go on with its work: it is up, and nobody wants it to come to an end. */
  get running(): boolean {
    return this.#state === 'up' && !this.#ending;
  }

  /** When it was last kept from hearing of things at once. A clock that the machine's sleep stopped counts too. */
  get disturbedMs(): number {
    const now = this.#timeline.now();
    if (this.clock.frozen || this.connection.silent || !this.connection.up) this.#disturbedMs = now;
    return this.#disturbedMs;
  }

  /** Something keeps news from it, for so long from now on. */
  disturb(forMs = 0): void {
    this.#disturbedMs = Math.max(this.#disturbedMs, this.#timeline.now() + forMs);
  }

  /** Its work should come to an end. */
  end(): void {
    this.#ending = true;
  }

  /** It stands still, and is cut off, for ever. What it held is the store's to take back. */
  crash(): void {
    if (this.#state === 'crashed') return;
    this.#state = 'crashed';
    this.clock.freeze();
    this.connection.close();
  }

  /** Ends as a program does that is told to: closes its client. */
  async close(): Promise<void> {
    if (this.#state !== 'up') return;
    this.#state = 'closed';
    await this.client.close();
  }

  /** All that was wrong with its connection and its process is over. */
  heal(): void {
    if (this.#state === 'crashed') return;
    this.disturb();
    const { connection } = this;
    connection.slow(0);
    connection.lag(0);
    connection.swallow(false);
    connection.forgetWho(false);
    connection.refuse(false);
    connection.release('requests');
    connection.release('answers');
    connection.loseNext(undefined);
    this.clock.thaw();
  }
}
