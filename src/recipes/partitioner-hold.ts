import { Hold, type HoldParts } from '../core/hold.js';
import { CoordinationError, printable } from '../errors.js';

/** A shard that is one's own: the {@link Hold} of its key. */
export class ShardHold extends Hold {
  /** Its number, from 0. */
  readonly shard: number;

  /** @internal */
  constructor(parts: HoldParts, shard: number) {
    super(parts);
    this.shard = shard;
  }
}

/** What is done with a shard while it is one's own. See {@link Partitioner.run}. */
export type ShardTask = (hold: ShardHold, signal: AbortSignal) => Promise<void> | void;

export interface PartitionerEvents {
  /** A shard is one's own from now on. */
  readonly acquired: { readonly shard: number; readonly token: bigint };
  /** A shard is no longer one's own: given back, or lost. Its task has ended. */
  readonly released: { readonly shard: number; readonly token: bigint };
  /** What a listener threw; what a task threw after it was told to stop; a shard that could not be given back. */
  readonly error: unknown;
}

/** Why a task is to stop although nothing was lost. */
export function movedError(shard: number, shards: number): CoordinationError {
  const sentence = `Shard ${shard} of ${shards} is to be given to another member.`;
  return new CoordinationError('RELEASED', sentence, { field: 'shard', problem: 'moved' });
}

/** The error of a member that divides the work into another number of shards than those before it. */
export function mismatchError(path: string, other: number, shards: number): CoordinationError {
  const sentence = `"${printable(path)}" is divided into ${other} shards, and not into ${shards}.`;
  return new CoordinationError('LIMIT_MISMATCH', sentence, { key: path, field: 'shards' });
}
