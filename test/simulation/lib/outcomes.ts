import { type FaultName, type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import type { Ended } from './life.js';

/** Codes after which it is not known whether a change was made. */
const ambiguous: readonly string[] = ['aborted', 'TIMEOUT', 'UNKNOWN_OUTCOME', 'CLOSED'];

/** Faults that can be behind an error, where it takes one. */
const faultsBehind: Readonly<Record<string, readonly FaultName[]>> = {
  UNAUTHENTICATED: ['authExpired'],
  NO_SPACE: ['quota'],
};

function isExplained(world: SimulatedWorld, node: SimulatedNode, code: string): boolean {
  if (code === 'CLUSTER_CHANGED') return node.generation !== world.truth.generation;
  // What belongs to a client ends when it is closed.
  if (code === 'CLOSED' || code === 'SESSION_CLOSED') return node.state !== 'up';
  return faultsBehind[code]?.some((fault) => world.struck.has(fault)) ?? false;
}

/**
 * Checks how a call has ended: with a value, with one of the codes that are `usual` for it, or with one that something in the
 * world explains. Throws `S3` for any other.
 */
export function checkCode(
  world: SimulatedWorld,
  node: SimulatedNode,
  what: string,
  ended: Ended<unknown>,
  usual: readonly string[] = ['aborted', 'TIMEOUT'],
): void {
  if ('value' in ended) return;
  const { code, error } = ended;
  world.sometimes(`refused ${code}`);
  if (usual.includes(code) || isExplained(world, node, code)) return;
  const why = error instanceof Error ? error.message : String(error);
  throw new Violation('S3', `${what} of ${node.name} ended with ${code}, which nothing explains: ${why}`);
}

/** Whether a change may have been made, or may be made yet, by a call that ended like this. */
export function isAmbiguous(ended: Ended<unknown>): boolean {
  return !('value' in ended) && ambiguous.includes(ended.code);
}
