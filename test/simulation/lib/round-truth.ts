import type { BarrierMembership, Entry, LeaseId } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';

/** A round as it was declared full. */
interface Full {
  readonly members: readonly string[];
  /** Somebody was told that all have left. */
  over: boolean;
}

/** One that is on its way in. */
interface Entering {
  readonly node: SimulatedNode;
  readonly lease: LeaseId;
  readonly sinceMs: number;
  /** The tickets that its session has put since, by key: when they were created. */
  readonly put: Map<string, bigint>;
  /** Whether there was no room for it at any time since. */
  crowded: boolean;
}

/** A double barrier in one cluster. */
interface Life {
  round: number;
  /** Undefined while it fills. */
  members: readonly string[] | undefined;
  /** Since when the round is full. */
  fullMs: number;
  readonly rounds: Map<number, Full>;
  /** The tickets of the round. */
  readonly tickets: Map<string, Entry>;
  /** Tickets of those who were told that they are out. */
  readonly out: Set<string>;
}

/** How one that wanted in came out of it. */
export type Entered = { readonly membership: BarrierMembership } | { readonly code: string };

const decoder = new TextDecoder();

/** How long a look takes at most where nothing is wrong any more: a read that a dying leader has lost times out after 5 s. */
const lookMs = 8_000;

/** After these, nobody knows whether the others have passed with it, or its session has taken it along. */
const unsure: readonly string[] = [
  ...['aborted', 'UNKNOWN_OUTCOME', 'SESSION_LOST', 'SESSION_CLOSED', 'CLOSED', 'CLUSTER_CHANGED'],
  // It cannot be told to the store either that it is out.
  ...['UNAUTHENTICATED', 'NO_SPACE'],
];

/** What is really the case at one double barrier, and whether what its members are told is that. */
export class RoundTruth {
  readonly path: string;
  readonly count: number;
  readonly #world: SimulatedWorld;
  readonly #lives = new Map<number, Life>();
  readonly #entering = new Set<Entering>();
  readonly #blurred = new Set<LeaseId>();

  constructor(world: SimulatedWorld, path: string, count: number) {
    this.path = path;
    this.count = count;
    this.#world = world;
    world.truth.follow((revision) => this.#follow(revision));
    world.invariant('D3', () => this.#blocked());
  }

  /** How many rounds were full so far. */
  get rounds(): number {
    return this.#of(this.#world.truth.generation).rounds.size;
  }

  /** How many are in, or wait, now. */
  get inside(): number {
    return this.#of(this.#world.truth.generation).tickets.size;
  }

  /** A node goes in by this session, from now until what is returned is told what came of it. */
  enter(node: SimulatedNode, lease: LeaseId): (entered: Entered) => void {
    const entering = { node, lease, sinceMs: this.#world.nowMs, put: new Map<string, bigint>(), crowded: false };
    this.#entering.add(entering);
    this.#look(node.generation);
    return (entered) => {
      this.#entering.delete(entering);
      if ('membership' in entered) this.#passed(node, entered.membership);
      else this.#refused(entering, entered.code);
    };
  }

  /** What one session did last may come to its end only later: which tickets of its are whose cannot be told any more. */
  blur(lease: LeaseId): void {
    this.#blurred.add(lease);
  }

  /** A member was told that all have left or died. */
  left(node: SimulatedNode, { round, key }: BarrierMembership): void {
    const life = this.#of(node.generation);
    const full = life.rounds.get(round);
    const { truth } = this.#world;
    if (full === undefined || node.generation !== truth.generation) return;
    full.over = true;
    const inside = full.members.filter((member) => truth.get(member) !== undefined);
    if (inside.length === 0) return;
    throw new Violation(
      'D2',
      `${key} was told that all of round ${round} have left, while ${inside.join(', ')} are in`,
    );
  }

  #passed(node: SimulatedNode, { round, key, token, guard }: BarrierMembership): void {
    const full = this.#of(node.generation).rounds.get(round);
    if (full?.members.includes(key) !== true) {
      throw new Violation('D1', `${node.name} has passed with ${key}, which is no member of a full round ${round}`);
    }
    const { lease } = guard as { lease: string };
    const struck = this.#world.operator.struckMs(key, token, lease) !== undefined;
    if (!full.over || struck || node.generation !== this.#world.truth.generation) return;
    throw new Violation('D2', `${node.name} goes into round ${round}, which others were told that all have left`);
  }

  #refused({ node, lease, crowded, put }: Entering, code: string): void {
    const life = this.#of(node.generation);
    if (code === 'TOO_MANY_MEMBERS' && !crowded) {
      throw new Violation('D3', `${node.name} was one too many, where there was room`);
    }
    if (unsure.includes(code)) this.blur(lease);
    if (this.#blurred.has(lease)) return;
    // It is out, and nobody has passed with it, or will.
    for (const [key, created] of put) {
      if (this.#world.operator.struckMs(key, created, lease) !== undefined) continue;
      life.out.add(key);
      const passed = [...life.rounds.values()].some(({ members }) => members.includes(key));
      if (passed) throw new Violation('D4', `${node.name} was refused with ${code}, and ${key} is a member`);
    }
  }

  #of(generation: number): Life {
    const known = this.#lives.get(generation);
    if (known !== undefined) return known;
    const [rounds, tickets, out] = [new Map<number, Full>(), new Map<string, Entry>(), new Set<string>()];
    const life: Life = { round: 0, members: undefined, fullMs: 0, rounds, tickets, out };
    this.#lives.set(generation, life);
    return life;
  }

  #follow({ changes, generation, atMs }: TrueRevision): void {
    const life = this.#of(generation);
    const mine = changes.filter(({ key }) => key.startsWith(`${this.path}/`));
    // Those who go with the round are still there when it begins.
    const round = mine.find(({ key }) => key === `${this.path}/round`);
    try {
      if (round !== undefined) this.#step(life, round.after, atMs);
    } catch (error) {
      this.#world.fail(error);
    }
    for (const { key, after } of mine) {
      if (!key.startsWith(`${this.path}/${life.round}/`)) continue;
      if (after?.lease === undefined) life.tickets.delete(key);
      else this.#put(life, generation, after);
    }
    if (mine.length > 0) this.#look(generation);
  }

  #put(life: Life, at: number, entry: Entry): void {
    life.tickets.set(entry.key, entry);
    for (const { node, lease, put } of this.#entering) {
      if (node.generation === at && lease === entry.lease) put.set(entry.key, entry.created);
    }
  }

  #step(life: Life, after: Entry | undefined, atMs: number): void {
    if (after === undefined) throw new Violation('D1', 'the round was deleted');
    const { round, members } = JSON.parse(decoder.decode(after.value)) as { round: number; members?: string[] };
    const old = life.members;
    if (round === life.round && same(members, old)) return;
    if (round === life.round && old === undefined && members !== undefined) {
      this.#declared(life, members);
      life.rounds.set(round, { members, over: false });
      life.members = members;
      life.fullMs = atMs;
      return;
    }
    const inside = (old ?? []).filter((key) => life.tickets.has(key));
    const isNext = round === life.round + 1 && members === undefined && (old !== undefined || life.round === 0);
    if (!isNext || inside.length > 0) {
      throw new Violation('D5', `round ${life.round} went on to ${round}, while ${inside.length} members are in`);
    }
    Object.assign(life, { round, members: undefined });
    life.tickets.clear();
  }

  /** A round was declared full. */
  #declared(life: Life, members: readonly string[]): void {
    const present = members.filter((key) => life.tickets.has(key));
    if (new Set(present).size !== this.count || members.length !== this.count) {
      const sentence = `round ${life.round} is full with ${members.length} members, of whom ${present.length} are in`;
      throw new Violation('D1', sentence);
    }
    const out = members.find((key) => life.out.has(key));
    if (out !== undefined) throw new Violation('D4', `${out} is a member, and was told before that it is out`);
  }

  #look(generation: number): void {
    const { tickets, members } = this.#of(generation);
    const crowded = tickets.size > this.count || members?.some((key) => tickets.has(key)) === true;
    for (const entering of this.#entering) if (entering.node.generation === generation) entering.crowded ||= crowded;
  }

  /** Whoever is one too many is told so, instead of waiting for the next round. */
  #blocked(): string | undefined {
    const { nowMs, ttlMs, truth } = this.#world;
    for (const { node, sinceMs } of this.#entering) {
      const { members, tickets, fullMs } = this.#of(node.generation);
      if (node.state !== 'up' || node.generation !== truth.generation || members === undefined) continue;
      // One to whom an event was lost looks anyway, after a time to live.
      const missedMs = node.missedMs === undefined ? 0 : node.missedMs + ttlMs;
      if (nowMs <= Math.max(sinceMs, fullMs, node.disturbedMs, missedMs) + lookMs) continue;
      if (members.some((key) => tickets.has(key)))
        return `${node.name} waits at ${this.path}, which has been full for long`;
    }
    return undefined;
  }
}

function same(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a?.join() === b?.join();
}
