/** What the simulations of registers (counters, values, sequences) have in common. */
import { put } from 'coterie';
import type { OperatorRules, SimulatedNode, SimulatedWorld } from 'coterie/testing';
import type { Ended } from './life.js';

type Failed = Extract<Ended<unknown>, { readonly code: string }>;

/** How a call may end where nothing is wrong but the world. */
const explained = new Set([
  ...['aborted', 'TIMEOUT', 'UNAVAILABLE', 'UNKNOWN_OUTCOME', 'NO_SPACE', 'UNAUTHENTICATED', 'CLUSTER_CHANGED'],
  ...['SESSION_LOST', 'SESSION_CLOSED', 'LEASE_NOT_FOUND', 'CLOSED'],
]);

/** After these, a change may have been made, or come yet: also where the client is closed under it. */
const doubtful = new Set(['aborted', 'TIMEOUT', 'UNKNOWN_OUTCOME', 'CLOSED']);

/** Ends the run for what nothing in the world explains. */
export function explain(world: SimulatedWorld, what: string, { code, error }: Failed): void {
  world.sometimes(`${what} ${code}`);
  if (!explained.has(code)) throw error;
}

/** As {@link explain}; whether the change was surely not made, and never will be. */
export function surelyNot(world: SimulatedWorld, what: string, failed: Failed): boolean {
  explain(world, what, failed);
  return !doubtful.has(failed.code);
}

/**
 * An operator does what he wants, but for the notes of registers: what becomes of a change whose answer is missing can be
 * told by its note alone, as the pages of the registers say.
 */
export const noNotes: OperatorRules = {
  mayDelete: ({ key, lease }) => lease !== undefined && !key.includes('/ops/'),
  mayOverwrite: ({ key, lease }) => lease !== undefined && !key.includes('/ops/'),
};

/** Keeps something on the lease of the node's session, for as long as it runs: something for an operator to strike. */
export async function keepLease(world: SimulatedWorld, node: SimulatedNode): Promise<void> {
  for (let n = 1; node.running; n++) {
    try {
      const { lease } = await node.client.session();
      await node.client.store.commit([], [put(`/bystander/${node.name}`, `${n}`, lease)]);
    } catch {
      // Nobody depends on it.
    }
    await new Promise<void>((resolve) => {
      node.clock.after(world.ttlMs, resolve);
    });
  }
}
