import type { SimulatedNode, SimulatedWorld } from 'coterie/testing';

/** How long a first look at something takes at most, where nothing is wrong, in milliseconds. */
const firstLookMs = 6_000;

/** How long news of it takes at most then: events get lost, and everybody looks anyway every ten seconds. */
const newsMs = 13_000;

/** One that waits. */
interface Wait {
  readonly node: SimulatedNode;
  readonly sinceMs: number;
  /** When it can first have seen that it may pass. */
  chanceMs: number | undefined;
}

/**
 * Waits until something is open, of which each ends soon after it can have seen that it is, or was. Breaks the invariant of
 * this name where one does not.
 */
export class OpenWaits {
  readonly #world: SimulatedWorld;
  readonly #what: string;
  readonly #isOpen: (generation: number) => boolean;
  readonly #waits = new Set<Wait>();

  constructor(world: SimulatedWorld, invariant: string, what: string, isOpen: (generation: number) => boolean) {
    this.#world = world;
    this.#what = what;
    this.#isOpen = isOpen;
    world.invariant(invariant, () => this.#stuck());
  }

  /** A node waits, from now until what is returned is called. */
  begin(node: SimulatedNode): () => void {
    const wait: Wait = { node, sinceMs: this.#world.nowMs, chanceMs: undefined };
    this.#waits.add(wait);
    return () => void this.#waits.delete(wait);
  }

  #stuck(): string | undefined {
    const { nowMs, truth } = this.#world;
    for (const wait of this.#waits) {
      const { node, sinceMs } = wait;
      if (node.state !== 'up' || node.generation !== truth.generation) continue;
      const { disturbedMs } = node;
      if (nowMs > Math.max(sinceMs, disturbedMs) + firstLookMs && this.#isOpen(node.generation))
        wait.chanceMs ??= nowMs;
      if (wait.chanceMs === undefined || nowMs <= Math.max(wait.chanceMs, disturbedMs) + newsMs) continue;
      return `${node.name} still waits at ${this.#what}, which was open long ago`;
    }
    return undefined;
  }
}
