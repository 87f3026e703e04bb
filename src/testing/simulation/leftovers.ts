import type { SimulatedNode } from './simulated-node.js';
import type { Truth } from './truth.js';
import { Violation } from './violation.js';

/**
 * When all clients are closed and the leases of those that crashed are over, nothing may be left. Throws `S1`: a key or a
 * lease in the store. `S2`: a timer or a watch of a client.
 */
export function checkLeft(truth: Truth, nodes: readonly SimulatedNode[]): void {
  const { leases } = truth;
  const keys = truth.under().filter(({ lease }) => lease !== undefined);
  if (keys.length > 0) throw new Violation('S1', `keys are left: ${keys.map(({ key }) => key).join(', ')}`);
  if (leases.length > 0) throw new Violation('S1', `leases are left: ${leases.map(({ id }) => id).join(', ')}`);
  for (const { name, state, clock, client } of nodes) {
    if (state === 'crashed') continue;
    if (clock.armed > 0) throw new Violation('S2', `${clock.armed} timers of ${name} are left`);
    if (client.store.watching > 0) throw new Violation('S2', `${client.store.watching} watches of ${name} are left`);
  }
}
