import { type Hold, isCoordinationError, put } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';

const decoder = new TextDecoder();

/**
 * A counter for each resource, which only its holder may count up, by fenced writes. Checked against every revision of the
 * store: each count is one more than the last, and made by whoever owned the resource at that moment.
 */
export class CountedWrites {
  readonly #world: SimulatedWorld;
  readonly #invariant: string;
  readonly #owner: (resource: string) => bigint | undefined;
  readonly #counts = new Map<string, number>();
  readonly #acknowledged = new Map<string, { known: number; unknown: number }>();

  /** `owner` tells whose turn it is at a resource, by what is in the store: the token. */
  constructor(world: SimulatedWorld, invariant: string, owner: (resource: string) => bigint | undefined) {
    this.#world = world;
    this.#invariant = invariant;
    this.#owner = owner;
    world.truth.follow((revision) => this.#follow(revision));
  }

  /** Reads, and writes one more. */
  async increment(node: SimulatedNode, hold: Hold, resource: string): Promise<void> {
    const key = `/count${resource}`;
    const name = `${node.generation} ${resource}`;
    const tally = this.#acknowledged.get(name) ?? { known: 0, unknown: 0 };
    this.#acknowledged.set(name, tally);
    try {
      const { entries } = await node.client.store.read({ key });
      const before = entries[0] === undefined ? 0 : Number(decoder.decode(entries[0].value).split(' ')[0]);
      tally.unknown++;
      const { ok } = await hold.commit([put(key, `${before + 1} ${hold.token}`)]);
      tally.unknown--;
      if (!ok) throw new Violation(this.#invariant, `a commit under ${hold.key} was refused, and nothing was thrown`);
      tally.known++;
      this.#world.sometimes('counted');
    } catch (error) {
      if (!isCoordinationError(error) && error !== hold.signal.reason) throw error;
    }
  }

  /** What was acknowledged is there. To be called at the end. */
  async check(): Promise<void> {
    for (const [name, { known, unknown }] of this.#acknowledged) {
      const found = this.#counts.get(name) ?? 0;
      if (found >= known && found <= known + unknown) continue;
      const sentence = `${found} increments of ${name}, where ${known} were acknowledged and ${unknown} unknown`;
      throw new Violation(this.#invariant, sentence);
    }
  }

  #follow({ changes, generation }: TrueRevision): void {
    for (const { key, after } of changes) {
      if (!key.startsWith('/count') || after === undefined) continue;
      const resource = key.slice('/count'.length);
      const name = `${generation} ${resource}`;
      const [count, token] = decoder.decode(after.value).split(' ');
      const before = this.#counts.get(name) ?? 0;
      this.#counts.set(name, Number(count));
      const owner = this.#owner(resource);
      if (Number(count) !== before + 1) {
        this.#fail(`the counter of ${resource} went from ${before} to ${count}`);
      } else if (String(owner) !== token) this.#fail(`token ${token} counted at ${resource} while ${owner} owned it`);
    }
  }

  #fail(sentence: string): void {
    this.#world.fail(new Violation(this.#invariant, sentence));
  }
}
