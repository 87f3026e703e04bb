import { isCoordinationError } from '../errors.js';
import type { Clock } from './clock.js';
import { diagnostics } from './diagnostics.js';
import type { Commit, Guard, Op } from './store.js';

/** Makes a commit of a store, and tells those who listen on its channel, if there are any, how it ended. */
export function observedCommit(
  store: string,
  clock: Clock,
  guards: readonly Guard[],
  ops: readonly Op[],
  commit: () => Promise<Commit>,
): Promise<Commit> {
  if (!diagnostics.commit.hasSubscribers) return commit();
  const began = clock.now();
  const report = (outcome: string): void => {
    const durationMs = clock.now() - began;
    diagnostics.commit.publish({ store, guards: guards.length, ops: ops.length, outcome, durationMs });
  };
  const made = commit();
  made.then(
    ({ ok }) => report(ok ? 'applied' : 'refused'),
    (error: unknown) => report(isCoordinationError(error) ? error.code : 'aborted'),
  );
  return made;
}
