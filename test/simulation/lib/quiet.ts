import type { SimulatedNode, SimulatedWorld } from 'coterie/testing';

/** Since when nothing has kept a node from talking to the store: neither what struck it, nor what struck all. */
export class Quiet {
  /** So long after a disturbance everything has got through that it held up. */
  readonly marginMs = 8_000;
  readonly #world: SimulatedWorld;
  readonly #bornMs = new Map<SimulatedNode, number>();
  #disturbedMs = 0;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    world.invariant('quiet', () => {
      if (world.service.full || world.service.leaderless) this.#disturbedMs = world.nowMs;
      return undefined;
    });
  }

  /** A node that begins. */
  attend(node: SimulatedNode): void {
    this.#bornMs.set(node, this.#world.nowMs);
  }

  sinceMs(node: SimulatedNode): number {
    return Math.max(node.disturbedMs, this.#disturbedMs, this.#bornMs.get(node) ?? 0);
  }

  /** Whether all that a node has asked for has been answered, or will be at once. */
  isQuiet(node: SimulatedNode): boolean {
    return node.state === 'up' && this.sinceMs(node) + this.marginMs < this.#world.nowMs;
  }
}
