import { type Entry, isCoordinationError, put } from 'coterie';
import type { SimulatedNode, SimulatedWorld } from 'coterie/testing';

const prefix = '/by-standers/';

/**
 * Beside what it does, a process keeps a key on its session: for a recipe that has no leased keys of its own that an operator
 * could take away without breaking the recipe's own rules. So sessions are there to be lost, and keys to be struck.
 */
export async function standBy(node: SimulatedNode): Promise<void> {
  try {
    const { lease } = await node.client.session();
    await node.client.store.commit([], [put(`${prefix}${node.name}`, 'stands by', lease)]);
  } catch (error) {
    // Whatever is wrong with the store, the recipe will meet it too.
    if (!isCoordinationError(error)) throw error;
  }
}

/** Lets the operator strike those who stand by, and what else the recipe allows to be deleted. */
export function strikeByStanders(world: SimulatedWorld, mayDelete: (entry: Entry) => boolean = () => false): void {
  const standsBy = ({ key, lease }: Entry): boolean => lease !== undefined && key.startsWith(prefix);
  world.operator.rules = { mayDelete: (entry) => standsBy(entry) || mayDelete(entry), mayOverwrite: standsBy };
}
