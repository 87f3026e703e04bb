import type { CompactionRequest, CompactionResponse } from '../transport/etcd/codec/etcd.js';
import { compactRevision, type Machine, type Step } from './machine.js';
import { refusal } from './refusal.js';
import { int64, number } from './wire.js';

/** Lets go of what changed up to a revision. What is there now stays. */
export function compact(
  machine: Machine,
  request: CompactionRequest.$Properties,
  steps: Step[],
): CompactionResponse.$Properties {
  const { state } = machine;
  const revision = number(request.revision);
  if (revision <= compactRevision(machine)) throw refusal('compacted');
  if (revision > state.revision) throw refusal('futureRevision');
  machine.compactedTo = revision;
  state.history.compact(revision);
  steps.push({ compacted: revision });
  return { header: { revision: int64(state.revision) } };
}
