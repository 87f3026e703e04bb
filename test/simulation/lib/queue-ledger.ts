import type { Job, PutResult } from 'coterie';
import {
  type SimulatedNode,
  type SimulatedWorld,
  type TrueChange,
  type TrueRevision,
  Violation,
} from 'coterie/testing';

/** What decides which item of a queue is next. */
export type QueueKind = 'age' | 'priority' | 'due';

/** What is put into the queues of a simulation: `n` is another one with every put. */
export interface Parcel {
  readonly n: number;
  /** Cannot be decoded. */
  readonly poison?: boolean;
}

/** One item that somebody wanted to put. */
export interface PutNote {
  readonly n: number;
  /** Undefined where the library makes one. */
  readonly id: string | undefined;
  readonly priority: number;
  /** Its place among those of one call. */
  readonly seq: number;
  /** It must not be due before, by the wall clock of who put it; 0 where it was put without a delay. */
  readonly dueMs: number;
  /** The newest revision when it was called for. */
  readonly from: bigint;
  created: number;
}

/** An item, as the store has it. */
interface Item {
  readonly id: string;
  readonly note: PutNote;
  readonly created: bigint;
  /** By which it is compared with others: its priority, or when it is due. */
  rank: number;
  dueMs: number;
  attempts: number;
  claim: Claim | undefined;
  claimedOnce: boolean;
  /** Since which revision nobody has it. */
  freeSince: bigint;
}

/** A claim that is in the store, or was. */
export interface Claim {
  readonly key: string;
  readonly id: string;
  readonly n: number;
  readonly created: bigint;
  readonly attempts: number;
  /** Items that should have come first, as far as the store is concerned. */
  readonly better: readonly { readonly id: string; readonly since: bigint; readonly dueMs: number }[];
  /** When the item is due next, where it was given back; undefined while it is claimed, or gone. */
  back: number | undefined;
}

/** The least and the most of something while somebody looked. */
interface Span {
  least: number;
  most: number;
}

interface Header {
  readonly attempts: number;
  readonly dueMs: number;
}

/** What one revision did to a queue. */
class Step {
  readonly headers = new Map<string, Header>();
  readonly headersGone = new Set<string>();
  readonly values = new Map<string, TrueChange>();
  readonly claims: { readonly id: string; readonly change: TrueChange }[] = [];
  readonly unclaimed = new Map<string, Claim>();
  readonly buried = new Set<string>();
  readonly unburied = new Set<string>();
}

const decoder = new TextDecoder();

/**
 * A queue as the store has it, followed through every revision, and held against what processes have asked for. Which keys
 * there are is said in the pages of the queues.
 */
export class QueueLedger {
  readonly path: string;
  readonly #world: SimulatedWorld;
  readonly #kind: QueueKind;
  readonly #maxAttempts: number;
  /** Whether there is one consumer, which takes one item at a time: then the order is exact. */
  #solo: boolean;
  readonly #nodes = new Map<string, SimulatedNode[]>();
  readonly #notes = new Map<number, PutNote>();
  /** Claims whose consumers are done with their items. */
  readonly #finished = new Set<string>();
  /** Claims of which it was said that they did not count. */
  readonly #refused = new Set<string>();
  readonly #effects = new Set<string>();
  readonly #discarded = new Set<string>();
  readonly #claims = new Map<string, Claim>();
  readonly #spans = new Set<{ readonly depth: Span; readonly flying: Span }>();
  #items = new Map<string, Item>();
  /** Ids that are remembered, and until when they were. */
  #done = new Set<string>();
  /** Ids that are remembered no more, and since which revision. */
  #forgotten = new Map<string, bigint>();
  /** When each id was last seen in the queue, or remembered. */
  #known = new Map<string, bigint>();
  #dead = new Map<string, Item>();
  #flying = 0;
  /** How many lives the process has had that has had the most. */
  #lives = 0;
  #revision = 0n;
  #generation = 1;
  #count = 0;

  constructor(world: SimulatedWorld, path: string, kind: QueueKind, maxAttempts: number, solo: boolean) {
    this.#world = world;
    this.path = path;
    this.#kind = kind;
    this.#maxAttempts = maxAttempts;
    this.#solo = solo;
    world.truth.follow((revision) => {
      try {
        this.#follow(revision);
      } catch (error) {
        world.fail(error);
      }
    });
  }

  /** The newest revision. */
  get revision(): bigint {
    return this.#revision;
  }

  get size(): number {
    this.#sync();
    return this.#items.size;
  }

  get inFlight(): number {
    return this.#flying;
  }

  /** From now on there are several consumers. */
  share(): void {
    this.#solo = false;
  }

  /** One whose claims will be seen. */
  join(node: SimulatedNode): void {
    const lives = [...(this.#nodes.get(node.name) ?? []), node];
    this.#nodes.set(node.name, lives);
    this.#lives = Math.max(this.#lives, lives.length);
  }

  /** Whether what this node hears is of the queue that is. */
  knows(node: SimulatedNode): boolean {
    return node.generation === this.#world.truth.generation;
  }

  /** To be called right before a put. */
  putting(node: SimulatedNode, about: { id?: string | undefined; priority?: number; delayMs?: number; seq?: number }) {
    const { id, priority = 0, delayMs = 0, seq = 0 } = about;
    this.#sync();
    const dueMs = delayMs === 0 && this.#kind !== 'due' ? 0 : node.clock.wall() + delayMs;
    const note: PutNote = { n: ++this.#count, id, priority, seq, dueMs, from: this.#revision, created: 0 };
    this.#notes.set(note.n, note);
    return note;
  }

  /** What a put said of itself must be so. */
  put(node: SimulatedNode, note: PutNote, { id, added }: PutResult): void {
    if (!this.knows(node)) return;
    if (note.id !== undefined && id !== note.id) throw new Violation('Q2', `${note.id} was put as ${id}`);
    // Whose answer was lost, and whose id was forgotten meanwhile, may be told so: nobody knows of that item any more.
    const forgotten = (this.#forgotten.get(id) ?? -1n) >= note.from;
    if (added && note.created === 0 && !forgotten)
      throw new Violation('Q1', `${id} is said to be added, and never was`);
    if (added || this.#isStruck(id)) return;
    if (note.id === undefined) throw new Violation('Q5', `${id}, which has no name, was taken for another`);
    if (note.created > 0) throw new Violation('Q5', `${id} was added, and its producer is told that it was not`);
    if ((this.#known.get(id) ?? -1n) < note.from && !this.#items.has(id) && !this.#done.has(id)) {
      throw new Violation('Q5', `${id} is said to be there already, and was not`);
    }
  }

  /** What was delivered must be what is claimed; nothing more urgent was free when it was asked for. */
  delivered(node: SimulatedNode, job: Job<Parcel>, asked: Asked): void {
    if (!this.knows(node)) return;
    const claim = this.#claims.get(job.key);
    if (claim?.created !== job.token) throw new Violation('Q3', `${job.key} was delivered, and never claimed`);
    if (claim.n !== job.value.n || claim.id !== job.id) throw new Violation('Q2', `${job.id} was never put like that`);
    if (claim.attempts !== job.attempts) throw new Violation('Q7', `${job.id} tells ${job.attempts} attempts`);
    const better = claim.better.find(({ since, dueMs }) => since <= asked.from && dueMs <= asked.wallMs);
    if (better === undefined || !asked.alone) return;
    throw new Violation('P2', `${job.id} was delivered, though ${better.id}, which comes first, was free`);
  }

  /** The consumer is done with it: from now on, the item may go. */
  finish(job: Job<Parcel>): void {
    this.#finished.add(job.key);
  }

  acked(node: SimulatedNode, job: Job<Parcel>): void {
    if (!this.knows(node) || this.#effects.has(job.key)) return;
    throw new Violation('Q1', `${job.id} is said to be acknowledged, and was not`);
  }

  /** An acknowledgement was refused: what goes with it must not be there, nor come yet. */
  refused(node: SimulatedNode, job: Job<Parcel>): void {
    if (!this.knows(node) || this.#isStruck(job.id) || this.#isTaken(job)) return;
    this.#refused.add(job.key);
    if (this.#effects.has(job.key))
      throw new Violation('Q3', `${job.id} was acknowledged by one who is told otherwise`);
  }

  /** It was given back, and is said to rest until `dueMs`. */
  returned(node: SimulatedNode, job: Job<Parcel>, dueMs: number): void {
    if (!this.knows(node) || this.#isTaken(job)) return;
    const item = this.#items.get(job.id);
    if (item?.claim?.key === job.key) throw new Violation('Q3', `${job.id} was given back, and is claimed still`);
    const back = this.#claims.get(job.key)?.back;
    if (back !== undefined && back < dueMs) throw new Violation('QD', `${job.id} was to rest, and is due already`);
  }

  /** What is in it, for a sentence. */
  describe(): string {
    // Of those who could take it: the clock of one that is gone says nothing.
    const live = this.#world.nodes.filter(({ state }) => state === 'up');
    const wallMs = Math.max(...live.map(({ clock }) => clock.wall()));
    const one = ({ id, claim, dueMs }: Item): string => {
      if (claim !== undefined) return `${id} under ${claim.key}`;
      return dueMs > wallMs ? `${id}, due in ${dueMs - wallMs} ms` : id;
    };
    return [...this.#items.values()].slice(0, 5).map(one).join(', ');
  }

  discarding(id: string): void {
    this.#discarded.add(id);
  }

  isDead(id: string): boolean {
    return this.#dead.has(id);
  }

  /** Follows how many items there are, until it is held against what somebody was told. */
  watch(node: SimulatedNode): { check(depth: number | undefined, flying: number | undefined): void } {
    this.#sync();
    const now = (value: number): Span => ({ least: value, most: value });
    const span = { depth: now(this.#items.size), flying: now(this.#flying) };
    this.#spans.add(span);
    return {
      check: (depth = span.depth.least, flying = span.flying.least) => {
        this.#spans.delete(span);
        if (!this.knows(node) || (within(span.depth, depth) && within(span.flying, flying))) return;
        throw new Violation('Q6', `${depth} items and ${flying} in flight were never there at that time`);
      },
    };
  }

  #isStruck(id: string): boolean {
    return this.#forgotten.has(id);
  }

  /** Whether somebody took the claim from its holder. */
  #isTaken({ key, token, guard }: Job<Parcel>): boolean {
    const { lease } = guard as { lease: string };
    return this.#world.operator.struckMs(key, token, lease) !== undefined;
  }

  #fail(invariant: string, sentence: string): void {
    this.#world.fail(new Violation(invariant, sentence));
  }

  #follow({ revision, generation, changes }: TrueRevision): void {
    this.#sync(generation);
    this.#revision = revision;
    const step = new Step();
    let touched = false;
    for (const change of changes) touched = this.#sort(step, change) || touched;
    if (!touched) return;
    this.#leave(step);
    this.#enter(step, revision);
    this.#checkAlone(step);
    this.#turn(step, revision);
    this.#claim(step, revision);
    for (const { depth, flying } of this.#spans) {
      widen(depth, this.#items.size);
      widen(flying, this.#flying);
    }
  }

  /** Of another cluster nothing is known, and it knows nothing. */
  #sync(generation = this.#world.truth.generation): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#revision = 0n;
    this.#spans.clear();
    [this.#items, this.#dead, this.#known] = [new Map(), new Map(), new Map()];
    [this.#done, this.#forgotten] = [new Set(), new Map()];
    this.#claims.clear();
    this.#effects.clear();
    this.#flying = 0;
    for (const note of this.#notes.values()) note.created = 0;
  }

  /** Returns whether it is of any interest. */
  #sort(step: Step, change: TrueChange): boolean {
    const { key, after } = change;
    if (key.startsWith('/effects/')) this.#effect(key, decoder.decode(after?.value));
    if (!key.startsWith(`${this.path}/`)) return false;
    const [folder, ...rest] = key.slice(this.path.length + 1).split('/');
    const id = rest.at(folder === 'claims' ? 0 : -1) ?? '';
    if (folder === 'items') {
      if (after !== undefined) step.headers.set(id, JSON.parse(decoder.decode(after.value)) as Header);
      else step.headersGone.add(id);
    } else if (folder === 'values') step.values.set(id, change);
    else if (folder === 'claims') this.#sortClaim(step, id, change);
    else if (folder === 'done') this.#remember(id, change);
    else if (folder === 'dead' && rest[0] === 'values') {
      // A letter does not keep its id: a younger one of the same takes its place.
      (after === undefined ? step.unburied : step.buried).add(id);
    }
    return true;
  }

  #sortClaim(step: Step, id: string, change: TrueChange): void {
    if (change.before === undefined) step.claims.push({ id, change });
    const claim = this.#claims.get(change.key);
    if (change.after === undefined && claim !== undefined) step.unclaimed.set(id, claim);
  }

  #remember(id: string, { before, after }: TrueChange): void {
    if (after === undefined) this.#done.delete(id);
    else this.#done.add(id);
    // It came to its end, or somebody meddled with it.
    if (before !== undefined) this.#forgotten.set(id, this.#revision);
    this.#known.set(id, this.#revision);
  }

  /** Written by who has the item, and by nobody else. */
  #effect(key: string, about: string): void {
    const [claim = '', token] = about.split(' ');
    const { id, created } = this.#claims.get(claim) ?? {};
    const holder = this.#items.get(id ?? '')?.claim;
    if (holder?.key !== claim || String(created) !== token) this.#fail('Q3', `${claim} wrote without having the item`);
    if (!key.startsWith('/effects/done/')) return;
    if (this.#refused.has(claim)) this.#fail('Q3', `${claim} acknowledged after it was told that it cannot`);
    this.#effects.add(claim);
    this.#world.sometimes('acknowledged');
  }

  /** Items that are gone, and dead letters. */
  #leave(step: Step): void {
    for (const [id, { after }] of step.values) {
      const item = this.#items.get(id);
      if (after !== undefined || item === undefined) continue;
      this.#items.delete(id);
      this.#known.set(id, this.#revision);
      if (item.claim !== undefined) this.#flying--;
      const claim = step.unclaimed.get(id);
      if (item.claim !== undefined && claim?.key !== item.claim.key)
        this.#fail('Q1', `${id} is gone, and its claim is not`);
      if (step.buried.has(id)) this.#bury(item);
      else if (claim === undefined || !this.#finished.has(claim.key)) {
        this.#fail('Q1', `${id} is gone, and nobody has acknowledged it`);
      }
    }
    for (const id of step.unburied) {
      if (step.values.get(id)?.after === undefined && !this.#discarded.has(id))
        this.#fail('Q1', `the letter ${id} is gone`);
    }
  }

  #bury(item: Item): void {
    const { id, attempts } = item;
    if (attempts !== this.#maxAttempts) this.#fail('Q7', `${id} is a dead letter after ${attempts} attempts`);
    this.#dead.set(id, item);
    this.#world.sometimes('buried');
  }

  #enter(step: Step, revision: bigint): void {
    for (const [id, { before, after }] of step.values) {
      if (after === undefined) continue;
      if (before !== undefined) this.#fail('Q5', `${id} was written over`);
      const { n } = JSON.parse(decoder.decode(after.value)) as Parcel;
      const { note, rank } = this.#origin(step, id, n);
      const { attempts, dueMs } = step.headers.get(id) ?? { attempts: Number.NaN, dueMs: Number.NaN };
      if (attempts !== 0) this.#fail('Q7', `${id} is new, and has ${attempts} attempts`);
      const fresh = { claim: undefined, claimedOnce: false, freeSince: revision, created: revision };
      this.#items.set(id, { id, note, attempts, dueMs, rank: rank ?? dueMs, ...fresh });
    }
    for (const id of step.unburied) this.#dead.delete(id);
  }

  /** Whose item it is. Each put makes one, at most; what dead letters were, they can be again. */
  #origin(step: Step, id: string, n: number): { readonly note: PutNote; readonly rank: number | undefined } {
    const letter = step.unburied.has(id) ? this.#dead.get(id) : undefined;
    if (letter !== undefined) {
      this.#world.sometimes('requeued');
      if (letter.note.n !== n) this.#fail('Q2', `${id} was requeued as something else`);
      return { note: letter.note, rank: letter.rank };
    }
    const note = this.#notes.get(n);
    if (note === undefined || (note.id ?? id) !== id) throw new Violation('Q2', `${id} was never put`);
    if (this.#done.has(id)) this.#fail('Q5', `${id} was added again, though it is remembered`);
    // What comes late is known by its id, for as long as that is remembered; dead letters do not keep theirs.
    const excused = this.#forgotten.has(id) || this.#dead.has(id) || this.#discarded.has(id);
    if (++note.created > 1 && !excused) this.#fail('Q5', `one put has made ${id} twice`);
    const { dueMs } = step.headers.get(id) ?? { dueMs: Number.NaN };
    if (!(dueMs >= note.dueMs)) this.#fail('QD', `${id} is due ${note.dueMs - dueMs} ms too early`);
    return { note, rank: this.#kind === 'due' ? undefined : note.priority };
  }

  /** Items that stay, and that somebody had until now. */
  #turn(step: Step, revision: bigint): void {
    for (const [id, claim] of step.unclaimed) {
      const item = this.#items.get(id);
      if (item?.claim?.key !== claim.key) continue;
      item.claim = undefined;
      item.freeSince = revision;
      this.#flying--;
      claim.back = step.headers.get(id)?.dueMs ?? item.dueMs;
    }
    const claimed = new Set(step.claims.map(({ id }) => id));
    for (const [id, header] of step.headers) this.#rewrite(step, id, header, claimed.has(id));
    for (const id of step.headersGone) {
      if (this.#items.has(id) && !step.headers.has(id)) this.#fail('Q1', `${id} has a value, and no header`);
    }
  }

  #rewrite(step: Step, id: string, { attempts, dueMs }: Header, claimed: boolean): void {
    const item = this.#items.get(id);
    if (item === undefined) {
      this.#fail('Q1', `${id} has a header, and no value`);
      return;
    }
    // A delivery that nobody saw does not count.
    const least = step.unclaimed.has(id) ? -1 : 0;
    const more = attempts - item.attempts;
    if (claimed ? more !== 1 : more !== 0 && more !== least) {
      this.#fail('Q7', `${id} had ${item.attempts} attempts, and has ${attempts}`);
    }
    if (dueMs !== item.dueMs && this.#kind === 'due') item.rank = dueMs;
    [item.attempts, item.dueMs] = [attempts, dueMs];
  }

  #checkAlone({ claims, unclaimed }: Step): void {
    for (const { id, change } of claims) {
      const item = this.#items.get(id);
      if (item === undefined) this.#fail('Q3', `${id} is claimed, and is no item`);
      else if (item.claim !== undefined && !unclaimed.has(id)) {
        this.#fail('Q3', `${id} is claimed by ${item.claim.key} and by ${change.key}`);
      }
    }
  }

  #claim(step: Step, revision: bigint): void {
    const taken: Item[] = [];
    for (const { id, change } of step.claims) {
      const item = this.#items.get(id);
      if (item === undefined) continue;
      this.#checkDue(item, change);
      taken.push(item);
      item.claim = {
        key: change.key,
        id,
        n: item.note.n,
        created: revision,
        attempts: item.attempts,
        better: [],
        back: undefined,
      };
      this.#flying++;
      if (item.attempts > this.#maxAttempts) this.#fail('Q7', `${id} is delivered for the ${item.attempts}th time`);
      if (item.attempts > 1) this.#world.sometimes('redelivered');
    }
    for (const item of taken) {
      if (item.claim !== undefined) this.#claims.set(item.claim.key, { ...item.claim, better: this.#better(item) });
      item.claim = this.#claims.get(item.claim?.key ?? '');
      this.#checkOrder(item);
    }
    for (const item of taken) item.claimedOnce = true;
  }

  /** By the wall clock of who claims it. */
  #checkDue({ id, dueMs }: Item, { after }: TrueChange): void {
    const { host } = JSON.parse(decoder.decode(after?.value)) as { host: string };
    const wallMs = Math.max(...(this.#nodes.get(host) ?? []).map(({ clock }) => clock.wall()));
    if (!(dueMs <= wallMs)) this.#fail('QD', `${id} is claimed ${dueMs - wallMs} ms before its time`);
    if (dueMs > 0) this.#world.sometimes('came due');
  }

  /** Items that come before this one, and that nobody has. */
  #better({ rank }: Item): Claim['better'] {
    if (this.#kind === 'age' || (this.#kind === 'due' && (!this.#solo || this.#lives > 1))) return [];
    const better: Item[] = [];
    for (const other of this.#items.values()) {
      if (other.rank < rank && other.claim === undefined && other.attempts < this.#maxAttempts) better.push(other);
    }
    return better.map(({ id, freeSince, dueMs }) => ({ id, since: freeSince, dueMs }));
  }

  /**
   * Where there is one consumer, nothing is claimed for the first time before what came before it. One that takes the place
   * of another that had items shares with it, until its leases are over.
   */
  #checkOrder(item: Item): void {
    if (!this.#solo || this.#lives > 1 || item.claimedOnce || item.note.dueMs > 0 || item.dueMs > 0) return;
    for (const other of this.#items.values()) {
      if (other.claim !== undefined || other.claimedOnce || other.note.dueMs > 0 || other.rank !== item.rank) continue;
      if (!isBefore(other, item)) continue;
      this.#fail('Q4', `${item.id} is delivered before ${other.id}, which came first`);
    }
  }
}

/** What was the case when somebody asked for an item. */
export interface Asked {
  readonly from: bigint;
  readonly wallMs: number;
  /** Whether no other call of the same process could be claiming what comes first. */
  readonly alone: boolean;
}

function isBefore(a: Item, b: Item): boolean {
  return a.created === b.created ? a.note.seq < b.note.seq : a.created < b.created;
}

function within({ least, most }: Span, value: number): boolean {
  return least <= value && value <= most;
}

function widen(span: Span, value: number): void {
  span.least = Math.min(span.least, value);
  span.most = Math.max(span.most, value);
}
