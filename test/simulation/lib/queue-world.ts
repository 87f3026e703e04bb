/**
 * What processes do all day with a queue, of whatever kind: put, take, work, acknowledge, give back, look; and how the quiet
 * afterwards is used to see that nothing is stuck.
 */
import {
  type Codec,
  type ConsumeOptions,
  DelayQueue,
  type Job,
  PriorityQueue,
  put,
  Queue,
  type QueueBase,
} from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { attempt, type Ended, type Limits, pause } from './life.js';
import { type Asked, type Parcel, type QueueKind, QueueLedger } from './queue-ledger.js';

const path = '/q';

/** Who empties a queue has acknowledged something in this time: longer than one who waits goes without a look. */
const progressMs = 15_000;

/** How a call may end where nothing is wrong but the world. */
const explained = new Set([
  ...['aborted', 'TIMEOUT', 'UNAVAILABLE', 'UNKNOWN_OUTCOME', 'NO_SPACE', 'UNAUTHENTICATED', 'CLUSTER_CHANGED'],
  ...['SESSION_LOST', 'SESSION_CLOSED', 'TICKET_LOST', 'LEASE_NOT_FOUND', 'RELEASED', 'CLOSED', 'CONFLICT'],
]);

/** JSON, but for what is poison. */
const codec: Codec<Parcel> = {
  encode: (parcel) => new TextEncoder().encode(JSON.stringify(parcel)),
  decode: (bytes) => {
    const parcel = JSON.parse(new TextDecoder().decode(bytes)) as Parcel;
    if (parcel.poison) throw new TypeError('poison');
    return parcel;
  },
};

type AnyQueue = QueueBase<Parcel> & Pick<PriorityQueue<Parcel>, 'put' | 'putMany'>;

/** A world with one queue in it. */
export class QueueWorld {
  readonly ledger: QueueLedger;
  readonly #world: SimulatedWorld;
  readonly #kind: QueueKind;
  readonly #maxAttempts: number;
  readonly #rememberMs: number;
  /** Clocks are hours apart, and nothing is put off: else nobody could say when it comes. */
  readonly #apart: boolean;
  /** Only the first process consumes. */
  readonly #solo: boolean;
  /** Aborts when all is delivered, after the faults. */
  readonly #drained = new AbortController();
  /** No more are put where there are so many; more than a look shows, in some worlds. */
  readonly #most: number;
  readonly #takes = new Map<SimulatedNode, number>();
  #ids = 0;
  /** The fewest items that there were after the faults, and since when. */
  #fewest = { size: Number.POSITIVE_INFINITY, atMs: 0 };
  /** What a good clock would show at the beginning of the world. */
  #wallMs: number | undefined;

  constructor(world: SimulatedWorld, kind: QueueKind) {
    const { random } = world;
    this.#world = world;
    this.#kind = kind;
    this.#maxAttempts = random.whole(2, 4);
    this.#rememberMs = random.chance(0.3) ? world.ttlMs : 120_000;
    this.#most = random.chance(0.15) ? 100 : 25;
    this.#apart = kind !== 'due' && random.chance(0.3);
    this.#solo = random.chance(0.4);
    this.ledger = new QueueLedger(world, path, kind, this.#maxAttempts, this.#solo);
  }

  /** From the first fault to an empty store. */
  async run(): Promise<void> {
    const world = this.#world;
    let first: string | undefined;
    world.run(4, async (node) => {
      first ??= node.name;
      const queue = this.#open(node);
      const consumes = !this.#solo || node.name === first;
      await Promise.all([this.#produce(node, queue), ...(consumes ? [this.#consume(node, queue)] : [])]);
    });
    world.after(world.durationMs + 1, () => {
      for (const node of world.nodes) this.#setClock(node, 0);
      this.#untilDrained(world.nowMs);
    });
    await world.chaos();
    await this.#quiet();
    await this.#end();
  }

  #open(node: SimulatedNode): AnyQueue {
    this.ledger.join(node);
    this.#setClock(node, this.#world.calm ? 0 : 300);
    const options = { codec, maxAttempts: this.#maxAttempts, rememberMs: this.#rememberMs };
    if (this.#kind === 'priority') return new PriorityQueue<Parcel>(node.client, path, options);
    // Where there are no priorities, none are given below.
    const Kind = this.#kind === 'age' ? Queue<Parcel> : DelayQueue<Parcel>;
    return new Kind(node.client, path, options) as unknown as AnyQueue;
  }

  /** How long work takes: not long, when all is to be delivered. */
  get #paceMs(): number {
    return (this.#world.calm ? 0.005 : 0.1) * this.#world.ttlMs;
  }

  /** As a time server would; in the quiet, to the latest of all times. */
  #setClock({ clock, random }: SimulatedNode, errorMs: number): void {
    const { nodes, nowMs, calm } = this.#world;
    if (this.#apart) return;
    this.#wallMs ??= clock.wall() - nowMs;
    const latestMs = calm ? Math.max(...nodes.map((node) => node.clock.wall())) : this.#wallMs + nowMs;
    clock.stepWall(latestMs + random.between(-errorMs, errorMs) - clock.wall());
  }

  // ---- producers

  async #produce(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    while (node.running) {
      await pause(node, (this.#solo ? 0.6 : 0.25) * this.#world.ttlMs);
      if (!node.running || this.ledger.size > this.#most) continue;
      if (node.random.chance(0.8)) await this.#put(node, queue);
      else await this.#putMany(node, queue);
    }
  }

  /** What is put, as the ledger is to know it; `item` is what goes to the queue. */
  #draft({ random }: SimulatedNode) {
    const again =
      this.#ids > 0 && random.chance(0.1) ? random.whole(Math.max(1, this.#ids - 20), this.#ids) : undefined;
    const id = random.chance(0.3) ? undefined : `i${again ?? ++this.#ids}`;
    const late = !this.#apart && random.chance(this.#kind === 'due' ? 0.7 : 0.15);
    const delayMs = late ? random.between(1, 2_000) : undefined;
    const about = { ...(id && { id }), ...(delayMs && { delayMs }) };
    const priority = random.chance(0.9) ? random.whole(0, 12) : random.pick([0, 99, 101, 2 ** 53 - 1]);
    return {
      about: this.#kind === 'priority' ? { ...about, priority } : about,
      poison: !this.#apart && random.chance(0.03),
    };
  }

  async #put(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const { about, poison } = this.#draft(node);
    const note = this.ledger.putting(node, about);
    const parcel = { n: note.n, ...(poison && { poison }) };
    const ended = await this.#try(node, 'put', (limits) => queue.put(parcel, { ...about, ...limits }));
    if ('value' in ended) this.ledger.put(node, note, ended.value);
  }

  async #putMany(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const count = node.random.chance(0.1) ? 40 : node.random.whole(2, 5);
    const drafts = Array.from({ length: count }, (_, seq) => {
      const { about, poison } = this.#draft(node);
      const note = this.ledger.putting(node, { ...about, seq });
      return { note, item: { ...about, value: { n: note.n, ...(poison && { poison }) } } };
    });
    const items = drafts.map(({ item }) => item);
    const ended = await this.#try(node, 'put', (limits) => queue.putMany(items, limits));
    if (!('value' in ended)) return;
    for (const [at, { note }] of drafts.entries()) {
      const result = ended.value[at];
      if (result === undefined) throw new Violation('Q1', 'putMany does not tell of all items');
      this.ledger.put(node, note, result);
    }
  }

  // ---- consumers

  async #consume(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    while (!this.#drained.signal.aborted && node.state === 'up' && this.ledger.knows(node)) {
      await pause(node, 0.5 * this.#paceMs, this.#drained.signal);
      if (this.#drained.signal.aborted || node.state !== 'up') return;
      const dice = node.random.next();
      if (dice < 0.5) await this.#takeOne(node, queue);
      else if (dice < 0.6) await this.#takeSome(node, queue);
      else if (dice < 0.75) await this.#tryOne(node, queue);
      else if (dice < 0.83) await this.#loop(node, queue);
      else if (dice < 0.9 && !this.#solo) await this.#handle(node, queue);
      else await this.#look(node, queue);
    }
  }

  async #takeOne(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const asked = this.#ask(node);
    const visibilityMs = node.random.chance(0.2) ? node.random.between(20, this.#world.ttlMs) : undefined;
    const ended = await this.#wait(node, (limits) => queue.take({ ...limits, ...(visibilityMs && { visibilityMs }) }));
    this.#answered(node);
    if ('value' in ended) await this.#work(node, ended.value, asked);
  }

  async #takeSome(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const asked = this.#ask(node);
    const ended = await this.#wait(node, (limits) => queue.takeMany(node.random.whole(2, 4), limits));
    this.#answered(node);
    if (!('value' in ended)) return;
    if (ended.value.length === 0) throw new Violation('Q3', 'nothing was taken, and nothing is wrong');
    for (const job of ended.value) await this.#work(node, job, asked);
  }

  async #tryOne(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const asked = this.#ask(node);
    const ended = await this.#wait(node, (limits) => queue.tryTake(limits));
    this.#answered(node);
    if ('value' in ended && ended.value !== undefined) await this.#work(node, ended.value, asked);
  }

  /** By the iterator, which gives back what is not acknowledged. */
  async #loop(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    let asked = this.#ask(node);
    await this.#wait(node, async (limits) => {
      let left = node.random.whole(1, 3);
      for await (const job of queue.jobs(limits)) {
        this.#answered(node);
        await this.#work(node, job, asked);
        asked = this.#ask(node);
        if (--left === 0) return;
      }
    });
    this.#answered(node);
  }

  /** By a handler, which `consume` acknowledges for. */
  async #handle(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const { random, clock } = node;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    const cancel = clock.after(random.between(1, this.#world.ttlMs), end);
    this.#drained.signal.addEventListener('abort', end);
    const handler = async (job: Job<Parcel>): Promise<void> => {
      this.ledger.delivered(node, job, { from: 0n, wallMs: 0, alone: false });
      const drop = this.#hold(node, job);
      await pause(node, this.#paceMs, job.signal);
      drop();
      if (random.chance(0.2)) throw new TypeError('The handler has failed.');
      this.ledger.finish(job);
    };
    const options: ConsumeOptions<Parcel> = {
      concurrency: random.whole(1, 2),
      signal: ended.signal,
      // A delay goes by the clock of whoever gave it, who may be gone.
      retryDelayMs: this.#apart ? 0 : 300,
    };
    this.#takes.set(node, (this.#takes.get(node) ?? 0) + 2);
    await this.#try(node, 'consume', () => queue.consume(handler, options), 0);
    this.#takes.set(node, (this.#takes.get(node) ?? 0) - 2);
    cancel();
    this.#drained.signal.removeEventListener('abort', end);
  }

  #ask(node: SimulatedNode): Asked {
    const count = (this.#takes.get(node) ?? 0) + 1;
    this.#takes.set(node, count);
    return { from: this.ledger.revision, wallMs: node.clock.wall(), alone: count === 1 };
  }

  #answered(node: SimulatedNode): void {
    this.#takes.set(node, (this.#takes.get(node) ?? 0) - 1);
  }

  #hold(node: SimulatedNode, job: Job<Parcel>): () => void {
    this.#world.sometimes('taken');
    return this.#world.beliefs.add(node, job, { invariant: 'Q3', resource: `${path} ${job.id}` });
  }

  async #work(node: SimulatedNode, job: Job<Parcel>, asked: Asked): Promise<void> {
    const { random } = node;
    this.ledger.delivered(node, job, asked);
    const drop = this.#hold(node, job);
    try {
      if (random.chance(0.1)) job.extend(random.between(10, 2 * this.#world.ttlMs));
      await pause(node, (random.chance(0.1) ? 15 : 1) * this.#paceMs, job.signal);
      if (random.chance(0.1))
        await this.#try(node, 'commit', (limits) => job.commit([this.#effect(job, 'step')], limits));
    } finally {
      drop();
    }
    if (job.signal.aborted) this.#world.sometimes('lost');
    if (random.chance(0.8)) await this.#ack(node, job);
    else await this.#giveBack(node, job);
    // What could be neither goes with the session, or now.
    await this.#try(node, 'release', (limits) => job.release(limits), 0.1);
  }

  #effect({ key, token }: Job<Parcel>, kind: 'done' | 'step') {
    return put(`/effects/${kind}/${key.replaceAll('/', '_')}`, `${key} ${token}`);
  }

  async #ack(node: SimulatedNode, job: Job<Parcel>): Promise<void> {
    this.ledger.finish(job);
    const ended = await this.#try(
      node,
      'ack',
      (limits) => job.ack({ ...limits, ops: [this.#effect(job, 'done')] }),
      0.1,
    );
    if ('value' in ended) this.ledger.acked(node, job);
    else if (ended.code === 'SESSION_LOST' || ended.code === 'TICKET_LOST') this.ledger.refused(node, job);
  }

  async #giveBack(node: SimulatedNode, job: Job<Parcel>): Promise<void> {
    const delayMs = !this.#apart && node.random.chance(0.5) ? node.random.between(1, 1_000) : 0;
    const dueMs = delayMs === 0 ? 0 : node.clock.wall() + delayMs;
    const ended = await this.#try(node, 'nack', (limits) => job.nack({ ...limits, delayMs }), 0.1);
    if ('value' in ended && ended.value) this.ledger.returned(node, job, dueMs);
  }

  // ---- who only looks

  async #look(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const what = node.random.pick(['depth', 'inFlight', 'peek', 'letters'] as const);
    if (what === 'letters') return this.#letters(node, queue);
    if (what === 'peek') {
      await this.#try(node, 'peek', (limits) => queue.peek(node.random.whole(1, 5), limits));
      return;
    }
    const watched = this.ledger.watch(node);
    const ended = await this.#try(node, what, (limits) => queue[what](limits));
    const count = 'value' in ended ? ended.value : undefined;
    watched.check(what === 'depth' ? count : undefined, what === 'inFlight' ? count : undefined);
  }

  async #letters(node: SimulatedNode, queue: AnyQueue): Promise<void> {
    const ids: string[] = [];
    await this.#try(node, 'letters', async (limits) => {
      for await (const { id, attempts } of queue.deadLetters(limits)) {
        if (attempts !== this.#maxAttempts) throw new Violation('Q7', `${id} died after ${attempts} attempts`);
        ids.push(id);
      }
    });
    for (const id of ids.slice(0, 2)) {
      // In the quiet, poison would go round for ever.
      if (!this.#world.calm && node.random.chance(0.4))
        await this.#try(node, 'requeue', (limits) => queue.requeue(id, limits));
      else {
        this.ledger.discarding(id);
        await this.#try(node, 'discard', (limits) => queue.discard(id, limits));
      }
    }
  }

  // ---- the quiet afterwards

  /** In the quiet, whoever is left has to empty the queue. Who has not begun yet to take from it has no part in this. */
  #untilDrained(sinceMs: number): void {
    const world = this.#world;
    if (this.#drained.signal.aborted) return;
    const live = world.nodes.some(
      (node, at) => node.state === 'up' && this.ledger.knows(node) && (!this.#solo || at === 0),
    );
    if (this.ledger.size === 0 || !live) {
      this.#drained.abort(new Error('The queue is empty.'));
      return;
    }
    if (this.ledger.size < this.#fewest.size) this.#fewest = { size: this.ledger.size, atMs: world.nowMs };
    // Less than the bound of the world, which would call it by another name.
    const isLate = world.nowMs - sinceMs > world.boundMs - 5_000;
    if (!isLate) world.after(200, () => this.#untilDrained(sinceMs));
    else if (world.nowMs - this.#fewest.atMs > progressMs) this.#stuck('after the faults');
    // A single consumer has a lot to do in some worlds, and is at it: the new ones, who have no excuse, help it.
    else this.#drained.abort(new Error('New consumers take over.'));
  }

  #stuck(when: string): void {
    const { size, inFlight } = this.ledger;
    const invariant = inFlight === size ? 'QL2' : 'QL1';
    this.#world.fail(new Violation(invariant, `${size} items are stuck ${when}: ${this.ledger.describe()}`));
  }

  /** Two new consumers empty the queue; then they wait, and get what is put, and what a dead one had, in time. */
  async #quiet(): Promise<void> {
    const world = this.#world;
    this.ledger.share();
    const [one, other, producer] = [world.node(), world.node(), world.node()];
    const ended = new AbortController();
    const deliveries = new Map<number, string>();
    let holding = false;
    const consumer = async (node: SimulatedNode): Promise<void> => {
      const queue = this.#open(node);
      while (!ended.signal.aborted) {
        const job = await queue.take({ signal: ended.signal }).catch((error: unknown) => {
          if (error === ended.signal.reason) return undefined;
          throw error;
        });
        if (job === undefined) return;
        const drop = this.#hold(node, job);
        deliveries.set(job.value.n, node.name);
        if (holding) await world.sleep(10 * world.boundMs);
        drop();
        this.ledger.finish(job);
        await job.ack({ ops: [this.#effect(job, 'done')] });
      }
    };
    for (const node of [one, other]) world.start(node, 'quiet', consumer(node));
    await this.#until(() => this.ledger.size === 0, world.boundMs, 'for new consumers');
    // Until whoever stands in line from before is gone, and both stand there.
    await world.sleep(world.expiryMs + 1_000);
    const queue = this.#open(producer);
    for (const delayMs of this.#apart ? [0, 0] : [0, 0, 1_500]) {
      const note = this.ledger.putting(producer, { delayMs });
      this.ledger.put(producer, note, await queue.put({ n: note.n }, delayMs === 0 ? {} : { delayMs }));
      await this.#until(() => deliveries.has(note.n), delayMs + 5_000, 'with consumers waiting');
      await world.sleep(1_000);
    }
    holding = true;
    const note = this.ledger.putting(producer, {});
    await queue.put({ n: note.n });
    await this.#until(() => deliveries.has(note.n), 5_000, 'with consumers waiting');
    holding = false;
    const [dead, alive] = deliveries.get(note.n) === one.name ? [one, other] : [other, one];
    world.crash(dead);
    await this.#until(() => deliveries.get(note.n) === alive.name, world.expiryMs + 5_000, 'under a dead consumer');
    await this.#until(() => this.ledger.size === 0, 5_000, 'under a consumer that acknowledges');
    ended.abort(new Error('All is done.'));
  }

  async #until(reached: () => boolean, boundMs: number, when: string): Promise<void> {
    const untilMs = this.#world.nowMs + boundMs;
    while (!reached() && this.#world.nowMs < untilMs) await this.#world.sleep(20);
    if (!reached()) this.#stuck(when);
  }

  /** All go, and what is remembered is forgotten. Nothing is left of an empty queue but dead letters. */
  async #end(): Promise<void> {
    const world = this.#world;
    for (const node of world.nodes) if (node.state === 'up') world.shutdown(node);
    await world.sleep(world.expiryMs + 2 * this.#rememberMs * world.service.personality.traits.ttlFactor + 5_000);
    const left = world.truth.under(`${path}/`).filter(({ key }) => !key.startsWith(`${path}/dead/`));
    if (left.length > 0) throw new Violation('S1', `left of an empty queue: ${left.map(({ key }) => key).join(', ')}`);
  }

  // ---- calls

  /** A wait, which also ends when all is done. */
  async #wait<R>(node: SimulatedNode, call: (limits: Limits) => Promise<R>): Promise<Ended<R>> {
    const { signal: drained } = this.#drained;
    const ended = await this.#try(node, 'take', async ({ signal, ...limits }) => {
      const either = signal === undefined ? drained : AbortSignal.any([signal, drained]);
      try {
        return { value: await call({ ...limits, signal: either }) };
      } catch (error) {
        if (drained.aborted && error === drained.reason) return { code: 'aborted', error };
        throw error;
      }
    });
    return 'value' in ended ? ended.value : ended;
  }

  async #try<R>(
    node: SimulatedNode,
    what: string,
    call: (limits: Limits) => Promise<R>,
    giveUp?: number,
  ): Promise<Ended<R>> {
    const ended = await attempt(this.#world, node, call, giveUp);
    if ('value' in ended) return ended;
    this.#world.sometimes(`${what} ${ended.code}`);
    if (!explained.has(ended.code)) throw ended.error;
    return ended;
  }
}
