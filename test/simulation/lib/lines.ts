import { decodeText, type Entry, type Hold, isCoordinationError } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { DecidingReads } from './deciding-reads.js';
import { attempt, type Limits } from './life.js';
import { Quiet } from './quiet.js';

/** A ticket in a waiting line, as the store has it. */
export interface LineTicket {
  readonly key: string;
  readonly token: bigint;
  readonly lease: string | undefined;
  readonly modified: bigint;
  /** What it says of itself; nothing where it is none of ours. */
  readonly says: Readonly<Record<string, unknown>>;
}

/** What has to be so in a line, and how that is called. */
export interface LineLaw {
  readonly names: {
    /** Tokens grow from holder to holder. Left out where several hold at once. */
    readonly order?: string;
    /** Those that hold at once may. */
    readonly alone: string;
    /** The same, for two of one session. */
    readonly reentrant: string;
    /** What is granted was not gone before the last read about it was begun. */
    readonly sight: string;
    /** What is granted was its turn. */
    readonly turn: string;
    /** A release takes away its own ticket only, and is true only if it did. */
    readonly own: string;
    /** Who gives up is out of the line. */
    readonly left: string;
    /** What is told of the line was so at some moment of the call. */
    readonly told: string;
    /** Nothing is lost that nobody took. */
    readonly lost: string;
  };
  /** Those of a line, by age, that may hold as things are. */
  entitled(line: readonly LineTicket[]): readonly LineTicket[];
  /** Whether these two may hold at once. Default: no two may. */
  together?(one: LineTicket, other: LineTicket): boolean;
}

/** How a wait in line ended; `info` is the mark by which it stood there. */
export type Entered<T> =
  | { readonly value: T }
  | { readonly code: string; readonly error: unknown; readonly info: string };

interface Grant {
  readonly node: SimulatedNode;
  readonly hold: Hold;
  readonly ticket: LineTicket;
}

/** What the lines of a scenario have in common. */
interface Shared {
  readonly quiet: Quiet;
  readonly reads: DecidingReads;
  readonly together: Map<string, LineTicket[]>;
}

interface State {
  readonly untilMs: number;
  readonly line: readonly LineTicket[];
}

/** One waiting line, as it is in the store, and who was let in by it. Checked with each revision and each grant. */
export class LineTruth {
  readonly path: string;
  readonly quiet: Quiet;
  readonly #world: SimulatedWorld;
  readonly #law: LineLaw;
  readonly #reads: DecidingReads;
  #line: readonly LineTicket[] = [];
  #generation = 1;
  /** Those that may have held at some revision. */
  #entitled = new Set<bigint>();
  /** When which ticket went. */
  #gone = new Map<bigint, number>();
  /** The last ticket of each key, and the tokens of all that it had. */
  readonly #byKey = new Map<string, LineTicket>();
  readonly #tokens = new Map<string, bigint[]>();
  /** By cluster and token: what came into being at once, in all lines. */
  readonly #together: Map<string, LineTicket[]>;
  #granted = new Map<bigint, Grant>();
  #releasing = new Set<bigint>();
  /** What was the line before, up to when; only as long as somebody may ask. */
  #before: State[] = [];
  #newest = 0n;
  #suspects: Grant[] = [];

  constructor(world: SimulatedWorld, path: string, law: LineLaw, { quiet, reads, together }: Shared) {
    this.#world = world;
    this.path = path;
    this.#law = law;
    this.quiet = quiet;
    this.#reads = reads;
    this.#together = together;
    world.truth.follow((revision) => this.#follow(revision));
    world.invariant(law.names.own, () => this.#checkSuspects());
  }

  /** The tickets, by age. */
  get line(): readonly LineTicket[] {
    return this.#generation === this.#world.truth.generation ? this.#line : [];
  }

  /** Whether a ticket is in line, as it was made. */
  has(token: bigint): boolean {
    return this.line.some((ticket) => ticket.token === token && ticket.lease !== undefined);
  }

  /** The tickets of those that were let in and have not gone. */
  get granted(): readonly LineTicket[] {
    return this.line.filter(({ token }) => this.#granted.has(token));
  }

  /** Somebody was let in, by this ticket. */
  grant(node: SimulatedNode, hold: Hold, key = hold.key, token = hold.token): void {
    if (node.generation !== this.#world.truth.generation) return;
    const { names } = this.#law;
    const ticket = this.#byKey.get(key);
    if (ticket?.token !== token) throw new Violation(names.turn, `${key} was granted with a token it never had`);
    const { lease } = hold.guard as { lease: string };
    const struck = this.#world.operator.struckMs(key, token, lease) !== undefined;
    this.#checkSight(node, key, token);
    // By the time of its answer it may have gone again.
    const gone = this.#gone.has(token);
    for (const other of gone || struck ? [] : this.granted) this.#checkTogether({ ...ticket, lease }, other);
    if (!this.#entitled.has(token)) throw new Violation(names.turn, `${key} was granted before its turn`);
    if (!struck && node.state === 'up') this.#checkNew(hold, token);
    if (!gone) this.#granted.set(token, { node, hold, ticket: { ...ticket, lease } });
  }

  /** A hold is given back from now on, or was lost: that its ticket goes is no wonder. */
  leaving(token: bigint): void {
    this.#releasing.add(token);
  }

  /** Releases, and checks what that says. Resolves to whether it was said to be given back. */
  async release(node: SimulatedNode, hold: Hold): Promise<boolean> {
    const { token } = hold;
    const wasHeld = !hold.signal.aborted;
    const goneBefore = this.#gone.has(token) && node.generation === this.#generation;
    this.leaving(token);
    const calledMs = this.#world.nowMs;
    const ended = await attempt(this.#world, node, (limits) => hold.release(limits), 0.1);
    if (!('value' in ended) || !ended.value || node.generation !== this.#world.truth.generation) return false;
    const { own } = this.#law.names;
    if (!wasHeld) throw new Violation(own, `${hold.key} was released, and had been lost before`);
    if (this.has(token)) throw new Violation(own, `${hold.key} was released, and is still there`);
    // Where no answer came to an attempt, that it is gone counts as its doing.
    if (goneBefore && this.quiet.sinceMs(node) + this.quiet.marginMs < calledMs) {
      throw new Violation(own, `${hold.key} was released, and had been gone before`);
    }
    return true;
  }

  /**
   * Waits in line under a mark of its own, which may be given up at any time. Checks that nothing is left behind then, and
   * that nothing is said to be lost that nobody took.
   */
  async enter<T>(
    node: SimulatedNode,
    call: (limits: Limits & { readonly info: string }) => Promise<T>,
    giveUp?: number,
  ): Promise<Entered<T>> {
    const info = `${node.name}/${node.life}/${node.random.whole(0, 2 ** 40)}`;
    const ended = await attempt(this.#world, node, (limits) => call({ ...limits, info }), giveUp);
    if ('value' in ended) return ended;
    this.#checkLost(node, ended.error);
    // What was held and is lost goes in the background.
    if (ended.code === 'TIMEOUT' || ended.code === 'aborted') this.checkGivenUp(node, info);
    return { ...ended, info };
  }

  /** Nothing under this mark is in line any more. */
  checkGivenUp(node: SimulatedNode, info: string): void {
    const left = this.line.find(({ says }) => says['info'] === info);
    // With its session, a ticket goes by itself.
    if (left === undefined || node.over.has(left.lease ?? '') || !this.quiet.isQuiet(node)) return;
    throw new Violation(this.#law.names.left, `${node.name} has given up, and is still in line at ${this.path}`);
  }

  /** What a call told of the line has to have been so at some moment since then. */
  checkTold(node: SimulatedNode, sinceMs: number, what: string, isSo: (line: readonly LineTicket[]) => boolean): void {
    if (node.generation !== this.#world.truth.generation) return;
    for (let at = this.#before.length - 1; at >= 0; at--) {
      const state = this.#before[at];
      if (state === undefined || state.untilMs < sinceMs) break;
      if (isSo(state.line)) return;
    }
    if (!isSo(this.line)) throw new Violation(this.#law.names.told, `${what} at ${this.path} was never so`);
  }

  /** `TICKET_LOST` is only for what an operator has touched. */
  checkLost(node: SimulatedNode, hold: Hold): void {
    if (hold.signal.aborted) this.#checkLost(node, hold.signal.reason);
  }

  #checkLost(node: SimulatedNode, error: unknown): void {
    if (node.generation !== this.#world.truth.generation || !isCoordinationError(error, 'TICKET_LOST')) return;
    const { key = '', message } = error;
    const ticket = this.#byKey.get(key);
    if (ticket === undefined) return;
    // A join that was made twice may have put it again by now.
    const all = (this.#tokens.get(key) ?? []).flatMap(
      (token) => this.#together.get(`${this.#generation} ${token}`) ?? [],
    );
    if (all.some((other) => this.#world.operator.struckMs(other.key, other.token, ticket.lease) !== undefined)) return;
    // A machine that slept may hear of the end of the ticket before that of the lease.
    if (!this.#world.truth.leases.some(({ id }) => id === ticket.lease)) return;
    throw new Violation(this.#law.names.lost, `nobody has touched ${key}: ${message}`);
  }

  #checkSight(node: SimulatedNode, key: string, token: bigint): void {
    const goneMs = this.#gone.get(token);
    const begunMs = this.#reads.begunMs(node, key, token);
    if (goneMs === undefined || begunMs === undefined || begunMs <= goneMs) return;
    throw new Violation(this.#law.names.sight, `${key} was granted, and was gone before it was last looked for`);
  }

  #checkNew(hold: Hold, token: bigint): void {
    const { order, sight } = this.#law.names;
    if (!hold.isHeld()) throw new Violation(sight, `${hold.key} was granted when it was lost already`);
    if (order === undefined) return;
    if (token <= this.#newest) throw new Violation(order, `token ${token} came too late`);
    this.#newest = token;
  }

  #checkTogether(ticket: LineTicket, other: LineTicket): void {
    const { together = () => false, names } = this.#law;
    // What was overwritten is nobody's any more, though it is in the way still.
    if (other.token === ticket.token || other.lease === undefined || together(ticket, other)) return;
    const name = other.lease === ticket.lease ? names.reentrant : names.alone;
    throw new Violation(name, `${ticket.key} was granted while ${other.key} was`);
  }

  #follow({ changes, generation, atMs }: TrueRevision): void {
    if (generation !== this.#generation) this.#forget(generation);
    const before = this.#line;
    for (const { key, before: was, after } of changes) {
      if (!key.startsWith(`${this.path}/`)) continue;
      if (after === undefined || after.created !== was?.created) this.#remove(was, atMs);
      if (after !== undefined) this.#put(after);
    }
    if (this.#line === before) return;
    this.#before.push({ untilMs: atMs, line: before });
    if (this.#before.length > 200) this.#before.splice(0, 100);
    this.judge();
  }

  /** Whose turn it is may have changed. */
  judge(): void {
    for (const { token } of this.#law.entitled(this.line)) this.#entitled.add(token);
  }

  #put(entry: Entry): void {
    const ticket = ticketOf(entry);
    const others = this.#line.filter(({ token }) => token !== ticket.token);
    this.#line = [...others, ticket].sort((a, b) => Number(a.token - b.token));
    this.#byKey.set(entry.key, ticket);
    const tokens = this.#tokens.get(entry.key) ?? [];
    if (tokens.at(-1) === ticket.token) return;
    this.#tokens.set(entry.key, [...tokens, ticket.token].slice(-5));
    const name = `${this.#generation} ${ticket.token}`;
    this.#together.set(name, [...(this.#together.get(name) ?? []), ticket]);
  }

  #remove(was: Entry | undefined, atMs: number): void {
    if (was === undefined) return;
    this.#line = this.#line.filter(({ token }) => token !== was.created);
    this.#gone.set(was.created, atMs);
    const grant = this.#granted.get(was.created);
    this.#granted.delete(was.created);
    if (grant !== undefined && !this.#releasing.has(was.created)) this.#suspects.push(grant);
  }

  /** What was held went, and nobody gave it back: with its lease, or by the operator. */
  #checkSuspects(): string | undefined {
    if (this.#suspects.length === 0) return undefined;
    const leases = new Set(this.#world.truth.leases.map(({ id }) => id));
    for (const { node, hold, ticket } of this.#suspects.splice(0)) {
      const { key, token, lease } = ticket;
      const struck = this.#world.operator.struckMs(key, token, lease) !== undefined;
      const own = node.generation === this.#world.truth.generation;
      if (!struck && own && !hold.signal.aborted && leases.has(lease ?? '')) return `${key} was taken from its holder`;
    }
    return undefined;
  }

  #forget(generation: number): void {
    this.#generation = generation;
    this.#line = [];
    this.#before = [];
    this.#newest = 0n;
    this.#entitled = new Set();
    this.#gone = new Map();
    this.#granted = new Map();
    this.#releasing = new Set();
    this.#byKey.clear();
    this.#tokens.clear();
  }
}

function ticketOf({ key, created, lease, modified, value }: Entry): LineTicket {
  return { key, token: created, lease, modified, says: said(decodeText(value)) };
}

function said(text: string): Readonly<Record<string, unknown>> {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === 'object' && said !== null ? { ...said } : {};
  } catch {
    return {};
  }
}

/** The lines of a scenario, all under the same law. */
export class Lines {
  readonly quiet: Quiet;
  readonly #lines: ReadonlyMap<string, LineTruth>;
  readonly #reads: DecidingReads;

  /** `under`: what is between a path and its tickets. */
  constructor(world: SimulatedWorld, paths: readonly string[], law: LineLaw, under = '') {
    this.quiet = new Quiet(world);
    this.#reads = new DecidingReads(() => world.nowMs);
    const shared = { quiet: this.quiet, reads: this.#reads, together: new Map() };
    const lineAt = (path: string): LineTruth => new LineTruth(world, `${path}${under}`, law, shared);
    this.#lines = new Map(paths.map((path) => [path, lineAt(path)]));
  }

  /** To be called by each program as it begins. */
  attend(node: SimulatedNode): void {
    this.#reads.attend(node);
    this.quiet.attend(node);
  }

  at(path: string): LineTruth {
    const line = this.#lines.get(path);
    if (line === undefined) throw new RangeError(`There is no line at ${path}.`);
    return line;
  }
}
