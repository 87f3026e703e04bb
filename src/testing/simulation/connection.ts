import { CoordinationError } from '../../errors.js';
import type { NodeClock } from './node-clock.js';
import type { Timeline } from './scheduler.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedService } from './service.js';
import type { SimulatedCall } from './simulated-call.js';

/** How long a message is on its way, in milliseconds: anything between these. */
export interface Latency {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** What a connection is between. */
export interface Ends {
  readonly timeline: Timeline;
  readonly service: SimulatedService;
  readonly clock: NodeClock;
  readonly random: SeededRandom;
  readonly owner: number;
  readonly latency: Latency;
}

/** Follows a connection: what it carries besides calls ends with it, and begins again with the next one. */
export interface Passenger {
  /** All that was on its way is lost; the store knows it at once. */
  broken(): void;
  /** The client has a connection again. */
  restored(): void;
}

/** What is to befall one request, or the answer to it. */
export type Mishap = 'refuse' | 'late' | 'request' | 'answer';

/** By how much a request is held up that befalls `late`: longer than any call of a recipe waits for its answer. */
const lateMs = 6_000;

/** The way of the messages of one direction. */
interface Lane {
  held: boolean;
  waiting: (() => void)[];
}

/**
 * The connection of one client to the store, as over TCP: nothing is lost of it unless all that is on its way is, and what
 * is held up arrives later. Calls may overtake each other, as servers work on them side by side; events may not.
 */
export class Connection {
  readonly #ends: Ends;
  readonly #calls = new Set<SimulatedCall>();
  readonly #passengers = new Set<Passenger>();
  readonly #requests: Lane = { held: false, waiting: [] };
  readonly #answers: Lane = { held: false, waiting: [] };
  readonly #generation: number;
  /** Events, in the order in which they were sent. */
  #onTheWay: (() => void)[] = [];
  /** Grows with each break: what belongs to an older one does not arrive. */
  #epoch = 0;
  #up = true;
  #refused = false;
  #blackHole = false;
  #unauthenticated = false;
  #loseNext: 'request' | 'answer' | undefined;
  #mishap: Mishap | undefined;
  #extraMs = 0;
  #eventLagMs = 0;
  #lastEventMs = 0;
  #loseEvents = 0;
  #missedMs: number | undefined;
  #closed = false;

  /** Called with each message of a watch, before it is sent, to the store or from it. */
  carried: () => void = () => {};

  constructor(ends: Ends) {
    this.#ends = ends;
    this.#generation = ends.service.generation;
  }

  /** Whether events and calls get through, however late. */
  get up(): boolean {
    return this.#up && !this.#refused && !this.#unauthenticated && !this.#closed;
  }

  /** Whether the store behind it is another one than at first. */
  get estranged(): boolean {
    return this.#ends.service.generation !== this.#generation;
  }

  /** Anything that keeps messages back, and does not tell. */
  get silent(): boolean {
    return this.#blackHole || this.#requests.held || this.#answers.held;
  }

  /** Puts a call to the store. */
  request(call: SimulatedCall): void {
    this.#calls.add(call);
    const mishap = this.#mishap;
    this.#mishap = undefined;
    if (!this.#up || this.#refused || mishap === 'refuse') {
      this.#after(this.#travelMs(), () => call.refuse());
      return;
    }
    if (this.#blackHole) return;
    const epoch = this.#epoch;
    this.#after(this.#travelMs() + (mishap === 'late' ? lateMs : 0), () => {
      // What was sent over a connection that broke may have got there, or not.
      const arrives = epoch === this.#epoch || this.#ends.random.chance(0.5);
      if (arrives) this.#pass(this.#requests, () => this.#arrive(call, epoch, mishap));
    });
  }

  /** A call is over for its caller. */
  forget(call: SimulatedCall): void {
    this.#calls.delete(call);
  }

  /** Sends a message of a stream to the client: never before what was sent earlier. Lost if the connection breaks. */
  send(deliver: () => void): void {
    const { timeline, clock } = this.#ends;
    const epoch = this.#epoch;
    this.carried();
    // What is sent over a connection that is gone is lost, with all that comes after it.
    if (this.#blackHole || !this.#up || epoch !== this.#epoch) return;
    this.#lastEventMs = Math.max(this.#lastEventMs, timeline.now() + this.#travelMs() + this.#eventLagMs);
    // Whichever of two tasks that are due at once comes first, what arrives is what was sent first.
    this.#onTheWay.push(deliver);
    const arrive = (): void => {
      if (epoch !== this.#epoch) return;
      const first = this.#onTheWay.shift();
      clock.receive(() => epoch === this.#epoch && first?.());
    };
    this.#after(this.#lastEventMs - timeline.now(), () => this.#pass(this.#answers, arrive));
  }

  /** Sends something from the client, of a stream: a new watch. */
  ask(arrive: () => void): void {
    const epoch = this.#epoch;
    this.carried();
    // Over none nothing is asked: who stood still when there was one for a moment is told of the next one too.
    if (this.#blackHole || !this.#up) return;
    this.#after(this.#travelMs(), () => {
      const go = (): void => void (epoch === this.#epoch && arrive());
      if (epoch === this.#epoch) this.#pass(this.#requests, () => this.#ends.service.receive(go));
    });
  }

  board(passenger: Passenger): void {
    this.#passengers.add(passenger);
  }

  leave(passenger: Passenger): void {
    this.#passengers.delete(passenger);
  }

  /** Whether the next event of a watch is lost at the server, without a trace (etcd #17529, #18089). */
  takeLoss(): boolean {
    if (this.#loseEvents === 0) return false;
    this.#loseEvents--;
    this.#missedMs = this.#ends.timeline.now();
    return true;
  }

  /** Breaks it, and makes it again after so long. What was on its way is lost; requests may have got there. */
  break(forMs: number): void {
    if (!this.#up) return;
    this.#epoch++;
    this.#up = false;
    this.#onTheWay = [];
    this.#answers.waiting = [];
    for (const call of [...this.#calls]) this.#ends.clock.receive(() => call.lose());
    for (const passenger of [...this.#passengers]) passenger.broken();
    this.#after(forMs, () => this.#restore());
  }

  /** The next request, or the answer to it, is lost, and the connection with it. */
  loseNext(what: 'request' | 'answer' | undefined): void {
    this.#loseNext = what;
  }

  /**
   * What befalls the request that is made next, and no other that may be on its way already. `refuse`: it is not sent, as
   * there is nobody to connect to. `late`: it is carried out after its caller has given up. Else what is lost of it, and
   * the connection with it.
   */
  befallNext(mishap: Mishap): void {
    this.#mishap = mishap;
  }

  /** The next events of watches are lost at the server. */
  loseEvents(count: number): void {
    this.#loseEvents += count;
  }

  /** No more events are lost than those that were. */
  keepEvents(): void {
    this.#loseEvents = 0;
  }

  /** When an event was last lost; undefined where none was. */
  get missedMs(): number | undefined {
    return this.#missedMs;
  }

  /** Messages of this direction are held up from now on. */
  hold(direction: 'requests' | 'answers'): void {
    (direction === 'requests' ? this.#requests : this.#answers).held = true;
  }

  /** What was held up arrives. */
  release(direction: 'requests' | 'answers'): void {
    const lane = direction === 'requests' ? this.#requests : this.#answers;
    lane.held = false;
    for (const go of lane.waiting.splice(0)) go();
  }

  /** All messages are lost from now on, and nobody is told so: a half-open connection. It breaks when it is found out. */
  swallow(on: boolean): void {
    const found = this.#blackHole && !on;
    this.#blackHole = on;
    // What was lost on a stream is lost to it: it cannot go on as if nothing had been.
    if (found) this.break(1);
  }

  /** Nobody answers to a new connection. */
  refuse(on: boolean): void {
    this.#refused = on;
    if (on) this.break(1);
    else this.#restore();
  }

  /** The store does not know who this is. */
  forgetWho(on: boolean): void {
    this.#unauthenticated = on;
    if (!on) this.#restore();
  }

  /** Messages take so much longer. */
  slow(extraMs: number): void {
    this.#extraMs = extraMs;
  }

  /** Events take so much longer: they come from a member that lags behind. */
  lag(ms: number): void {
    this.#eventLagMs = ms;
  }

  /** The client is gone. What it sent may still get there. */
  close(): void {
    this.#closed = true;
    this.#epoch++;
    for (const passenger of [...this.#passengers]) passenger.broken();
    this.#calls.clear();
    this.#passengers.clear();
  }

  #arrive(call: SimulatedCall, epoch: number, mishap: Mishap | undefined): void {
    if (this.#isLost('request', mishap)) this.break(this.#travelMs());
    else this.#ends.service.propose(() => this.#serve(call, epoch, mishap));
  }

  #serve(call: SimulatedCall, epoch: number, mishap: Mishap | undefined): void {
    const waitMs = call.waitMs();
    if (waitMs > 0) {
      this.#after(waitMs, () => this.#serve(call, epoch, mishap));
      return;
    }
    const answer = this.#outcome(call);
    if (this.#isLost('answer', mishap)) {
      this.break(this.#travelMs());
      return;
    }
    this.#after(this.#travelMs(), () => {
      this.#pass(this.#answers, () => {
        if (epoch === this.#epoch && !this.#blackHole) this.#ends.clock.receive(answer);
      });
    });
  }

  /** Whether this request, or the answer to it, is one to lose: it was marked, or it is the next one to come. */
  #isLost(what: 'request' | 'answer', mishap: Mishap | undefined): boolean {
    if (this.#loseNext !== what) return mishap === what;
    this.#loseNext = undefined;
    return true;
  }

  /** What the store says. It has done what was asked by the time this returns. */
  #outcome(call: SimulatedCall): () => void {
    try {
      if (this.estranged) throw clusterChanged();
      if (this.#unauthenticated) throw unauthenticated();
      const answer = call.serve();
      return () => call.answer(answer);
    } catch (error) {
      return () => call.fail(error);
    }
  }

  #restore(): void {
    this.#up = true;
    if (this.up) for (const passenger of [...this.#passengers]) this.#ends.clock.receive(() => passenger.restored());
  }

  #pass(lane: Lane, go: () => void): void {
    if (lane.held) lane.waiting.push(go);
    else go();
  }

  #travelMs(): number {
    const { leastMs, mostMs } = this.#ends.latency;
    return this.#extraMs + this.#ends.random.between(leastMs, mostMs);
  }

  #after(ms: number, run: () => void): void {
    if (ms > 0) this.#ends.timeline.after(ms, run, this.#ends.owner);
    // Without a delay nothing has to wait for a clock that somebody has to move: as in the same process, just later.
    else void Promise.resolve().then(run);
  }
}

function unauthenticated(): CoordinationError {
  return new CoordinationError('UNAUTHENTICATED', 'The store does not accept who we are: the token has expired.');
}

/** The answer of a store that is another one than it was. */
export function clusterChanged(): CoordinationError {
  return new CoordinationError('CLUSTER_CHANGED', 'This is another cluster than before: everything held is lost.');
}
