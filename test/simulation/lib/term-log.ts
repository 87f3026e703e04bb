import { isCoordinationError, put, type Term, unchanged } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';

const decoder = new TextDecoder();

/** A line of the log: the how manieth of which term. */
interface Line {
  readonly token: bigint;
  readonly seq: number;
}

/**
 * A log that each leader appends (term, number) to, by writes that are fenced by its term. Checked against every revision of
 * the store: only the leader of that moment appends, terms never go back, and the numbers of a term have no gaps.
 */
export class TermLog {
  readonly #world: SimulatedWorld;
  readonly #invariant: string;
  readonly #key: string;
  readonly #leader: () => bigint | undefined;
  readonly #lines = new Map<number, Line[]>();
  readonly #acknowledged = new Map<number, Set<string>>();

  /** `leader` tells whose term it is, by what is in the store. */
  constructor(world: SimulatedWorld, invariant: string, key: string, leader: () => bigint | undefined) {
    this.#world = world;
    this.#invariant = invariant;
    this.#key = key;
    this.#leader = leader;
    world.truth.follow((revision) => this.#follow(revision));
  }

  /** Appends one line. */
  async append({ client, generation }: SimulatedNode, term: Term): Promise<void> {
    try {
      const { entries } = await client.store.read({ key: this.#key });
      const [entry] = entries;
      const last = entry && lineOf(entry.value);
      const seq = last?.token === term.token ? last.seq + 1 : 1;
      const guards = entry === undefined ? [] : [unchanged(this.#key, entry.modified)];
      const { ok } = await term.commit([put(this.#key, `${term.token} ${seq}`)], { guards });
      // Refused where an earlier line, whose outcome was unknown, has come late.
      if (!ok) return;
      const acknowledged = this.#acknowledged.get(generation) ?? new Set();
      this.#acknowledged.set(generation, acknowledged.add(`${term.token} ${seq}`));
      this.#world.sometimes('appended');
    } catch (error) {
      if (!isCoordinationError(error) && error !== term.signal.reason) throw error;
    }
  }

  /** Every line that was acknowledged is there. To be called at the end. */
  check(): void {
    for (const [generation, acknowledged] of this.#acknowledged) {
      const found = new Set((this.#lines.get(generation) ?? []).map(({ token, seq }) => `${token} ${seq}`));
      for (const line of acknowledged) {
        if (!found.has(line))
          throw new Violation(this.#invariant, `the line "${line}" was acknowledged, and is not there`);
      }
    }
  }

  #follow({ changes, generation }: TrueRevision): void {
    for (const { key, after } of changes) {
      if (key !== this.#key || after === undefined) continue;
      const lines = this.#lines.get(generation) ?? [];
      this.#lines.set(generation, lines);
      const [last, next, leader] = [lines.at(-1), lineOf(after.value), this.#leader()];
      lines.push(next);
      const expected = last?.token === next.token ? last.seq + 1 : 1;
      if (next.token !== leader) this.#fail(`term ${next.token} has appended while ${leader} was the leader`);
      else if (last !== undefined && next.token < last.token)
        this.#fail(`term ${next.token} comes after ${last.token}`);
      else if (next.seq !== expected)
        this.#fail(`line ${next.seq} of term ${next.token} where ${expected} was to come`);
    }
  }

  #fail(sentence: string): void {
    this.#world.fail(new Violation(this.#invariant, `the log of ${this.#key}: ${sentence}`));
  }
}

function lineOf(value: Uint8Array): Line {
  const [token = '', seq] = decoder.decode(value).split(' ');
  return { token: BigInt(token), seq: Number(seq) };
}
