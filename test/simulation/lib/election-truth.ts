import type { Candidate, Entry, Observation, Term } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { StateLog } from './state-log.js';

const decoder = new TextDecoder();

/** Servers lose events, which observers make good for within this time, in milliseconds. */
export const auditMs = 80_000;

/** A candidate that nobody has served yet. */
interface Standing {
  readonly node: SimulatedNode;
  readonly value: string;
  readonly sinceMs: number;
}

/** A term that somebody was given. */
interface Given {
  /** Whoever has it has said that it goes. */
  ending: boolean;
}

/** What is really the case in one election, and whether what its users are told is that. */
export class ElectionTruth {
  readonly path: string;
  readonly #world: SimulatedWorld;
  readonly #tickets = new Map<string, Entry>();
  /** By generation: the tickets, from the oldest. */
  readonly #logs = new Map<number, StateLog<readonly Entry[]>>();
  readonly #newest = new Map<number, bigint>();
  readonly #given = new Map<string, Given>();
  readonly #standing = new Set<Standing>();
  /** Since when no ticket has this value. */
  readonly #absentMs = new Map<string, number>();
  readonly #stored = new Set<string>();
  /** Tickets that went, by no fault of the operator's: were their leases alive? */
  #suspects: { readonly entry: Entry; readonly given: Given | undefined }[] = [];
  /** What those had stood with that went while their leases were alive. */
  readonly #takenOut = new Set<string>();
  #generation = 1;
  #values = 0;

  constructor(world: SimulatedWorld, path: string) {
    this.path = path;
    this.#world = world;
    world.truth.follow((revision) => this.#follow(revision));
    world.invariant('EL2', () => this.#zombie());
    world.invariant('E6', () => this.#takenAway());
  }

  /** The tickets now, from the oldest. */
  get tickets(): readonly Entry[] {
    return this.#log(this.#world.truth.generation).last;
  }

  /** A value that nobody else stands with. */
  newValue(node: SimulatedNode): string {
    return `stands:${node.name}:${++this.#values}`;
  }

  /** A value that nobody else proclaims. */
  newProclamation({ token }: Term): string {
    return `${token}:${++this.#values}`;
  }

  /** A node stands with this value, from now until what is returned is called. */
  stand(node: SimulatedNode, value: string): () => void {
    const standing = { node, value, sinceMs: this.#world.nowMs };
    this.#standing.add(standing);
    return () => void this.#standing.delete(standing);
  }

  /** Whether a ticket with this value is there. */
  stands(value: string): boolean {
    return this.tickets.some((entry) => textOf(entry) === value);
  }

  /** A campaign has made a node leader. Checks E1 and E3. Returns how to say that it ends its term. */
  grant(node: SimulatedNode, term: Term): () => void {
    const given = { ending: false };
    this.#given.set(`${term.key}@${term.token}`, given);
    const end = (): void => {
      given.ending = true;
    };
    const { truth, nowMs } = this.#world;
    if (node.generation !== truth.generation) return end;
    const struckMs = this.#struckMs(term);
    if (struckMs !== undefined) {
      // Nothing but what kept the answer of the last read back can be between that read and this moment.
      if (nowMs <= Math.max(struckMs, node.disturbedMs) + 1_000) return end;
      throw new Violation('E3', `${term.key} was granted, though an operator had taken it away long before`);
    }
    if (!term.isHeld()) throw new Violation('E3', `${term.key} was granted when it was lost already`);
    if (truth.get(term.key)?.created !== term.token) throw new Violation('E3', `${term.key} was granted, and is gone`);
    const before = this.#newest.get(node.generation) ?? 0n;
    if (term.token <= before) throw new Violation('E1', `term ${term.token} came after term ${before}`);
    const [leader] = this.tickets;
    if (leader?.created !== term.token) {
      throw new Violation('E1', `term ${term.token} was granted while ${leader?.created} leads`);
    }
    this.#newest.set(node.generation, term.token);
    return end;
  }

  /** A campaign has ended as its ticket was lost. Checks that somebody else than the candidates took it: E6. */
  robbed(node: SimulatedNode, value: string): void {
    if (!this.#takenOut.has(value)) return;
    throw new Violation('E6', `the ticket of ${node.name} with "${value}" was deleted while it waited`);
  }

  /** A proclamation was acknowledged. Checks that it was made. */
  proclaimed(term: Term, value: string): void {
    if (this.#stored.has(value)) return;
    throw new Violation('E4', `${value} was acknowledged to ${term.key}, and was never stored`);
  }

  /** It was said that a term was ended by this. Checks that it is over. */
  resigned(node: SimulatedNode, term: Term): void {
    const entry = this.#world.truth.get(term.key);
    const same = entry?.created === term.token && entry.lease !== undefined;
    if (!same || node.generation !== this.#world.truth.generation) return;
    throw new Violation('E6', `${term.key} has resigned, and is still in line`);
  }

  /** The present moment, for {@link told}. */
  mark(node: SimulatedNode): number {
    return this.#log(node.generation).mark();
  }

  /**
   * A node was told who stands, all of them or only the first, in answer to a question that it asked at that moment. Checks
   * that it was so: E5.
   */
  told(node: SimulatedNode, mark: number, candidates: readonly Candidate[], all: boolean): void {
    const log = this.#log(node.generation);
    const [first] = candidates;
    if (first === undefined) {
      if (log.someSince(mark, (tickets) => tickets.length === 0)) return;
      throw new Violation('E5', `${node.name} was told that nobody stands, while somebody did all the time`);
    }
    const { revision } = first;
    const truth = all ? log.at(revision) : log.at(revision).slice(0, 1);
    const [found, real] = [candidates.map(sayCandidate).join(' '), truth.map(sayEntry).join(' ')];
    if (found !== real) throw new Violation('E5', `${node.name} was told "${found}" where there was "${real}"`);
    if (revision >= log.revisionOf(mark)) return;
    throw new Violation('E5', `${node.name} was told what was before its question`);
  }

  /** A node observes this, after that. Checks that it was so: E5. */
  observed(node: SimulatedNode, seen: Observation, last: Observation | undefined): void {
    const log = this.#log(node.generation);
    const [leader] = log.at(seen.revision);
    const [found, real] = [sayObservation(seen), leader === undefined ? 'nobody' : sayEntry(leader)];
    if (last !== undefined && seen.revision < last.revision) {
      throw new Violation('E5', `${node.name} observes revision ${seen.revision} after ${last.revision}`);
    }
    if (found === real) {
      const again = last !== undefined && sayObservation(last) === found && !found.endsWith('overwritten');
      // A vacancy that was not told of, as another event was lost, explains one that is told twice.
      if (again && node.missedMs === undefined) throw new Violation('E5', `${node.name} observes "${found}" twice`);
      return;
    }
    if (this.#mayBeWrong(node)) return;
    throw new Violation('E5', `${node.name} observes "${found}" where there was "${real}"`);
  }

  /** Whether this is how it stands now. */
  isNow(seen: Observation | undefined): boolean {
    const [leader] = this.tickets;
    return seen !== undefined && sayObservation(seen) === (leader === undefined ? 'nobody' : sayEntry(leader));
  }

  #mayBeWrong(node: SimulatedNode): boolean {
    const { missedMs } = node;
    return missedMs !== undefined && this.#world.nowMs <= Math.max(missedMs, node.disturbedMs) + auditMs;
  }

  #struckMs(term: Term): number | undefined {
    const { lease } = term.guard as { lease: string };
    return this.#world.operator.struckMs(term.key, term.token, lease);
  }

  #log(generation: number): StateLog<readonly Entry[]> {
    const log = this.#logs.get(generation) ?? new StateLog<readonly Entry[]>([]);
    this.#logs.set(generation, log);
    return log;
  }

  #follow({ revision, changes, generation, atMs }: TrueRevision): void {
    if (generation !== this.#generation) this.#tickets.clear();
    this.#generation = generation;
    const log = this.#log(generation);
    const [leader] = log.last;
    let changed = false;
    for (const { key, before, after } of changes) {
      if (!key.startsWith(`${this.path}/`)) continue;
      changed = true;
      if (before !== undefined) this.#absentMs.set(textOf(before), atMs);
      if (after === undefined) this.#tickets.delete(key);
      else this.#tickets.set(key, after);
      if (after !== undefined) this.#written(before, after, leader);
      else if (before !== undefined) this.#deleted(before);
    }
    if (changed)
      log.push(
        revision,
        [...this.#tickets.values()].sort((a, b) => (a.created < b.created ? -1 : 1)),
      );
  }

  #written(before: Entry | undefined, after: Entry, leader: Entry | undefined): void {
    const value = textOf(after);
    this.#absentMs.delete(value);
    this.#stored.add(value);
    if (value === 'overwritten') return;
    if (before === undefined) {
      if (!value.startsWith('stands:')) this.#fail('E4', `a proclamation has made a ticket: ${after.key}`);
      return;
    }
    const own = value.startsWith(`${before.created}:`) && after.lease === before.lease;
    if (!own) this.#fail('E4', `${before.key} of term ${before.created} was overwritten by "${value}"`);
    if (leader?.created !== before.created) {
      this.#fail('E4', `${before.created} has proclaimed while ${leader?.created} was the leader`);
    }
  }

  #deleted(entry: Entry): void {
    const struckMs = this.#world.operator.struckMs(entry.key, entry.created, entry.lease);
    if (struckMs === undefined) this.#suspects.push({ entry, given: this.#given.get(`${entry.key}@${entry.created}`) });
  }

  #takenAway(): string | undefined {
    if (this.#suspects.length === 0) return undefined;
    const live = new Set(this.#world.truth.leases.map(({ id }) => id));
    for (const { entry, given } of this.#suspects.splice(0)) {
      if (entry.lease === undefined || !live.has(entry.lease)) continue;
      if (given?.ending === false) return `${entry.key} of term ${entry.created} was deleted under its leader`;
      this.#takenOut.add(textOf(entry));
    }
    return undefined;
  }

  #zombie(): string | undefined {
    const { nowMs, ttlMs, truth } = this.#world;
    for (const { node, value, sinceMs } of this.#standing) {
      const absentMs = this.#absentMs.get(value) ?? (this.#stored.has(value) ? undefined : sinceMs);
      if (absentMs === undefined || node.state !== 'up' || node.generation !== truth.generation) continue;
      if (nowMs <= Math.max(absentMs, sinceMs, node.disturbedMs) + 2 * ttlMs + 12_000) continue;
      return `${node.name} waits with "${value}", and has had no ticket for long`;
    }
    return undefined;
  }

  #fail(invariant: string, sentence: string): void {
    this.#world.fail(new Violation(invariant, sentence));
  }
}

function textOf({ value }: Entry): string {
  return decoder.decode(value);
}

function sayEntry(entry: Entry): string {
  return `${entry.key}@${entry.created} ${textOf(entry)}`;
}

function sayCandidate({ leader, token, value }: Candidate): string {
  return `${leader}@${token} ${value}`;
}

function sayObservation(seen: Observation): string {
  return seen.leader === undefined ? 'nobody' : sayCandidate(seen);
}
