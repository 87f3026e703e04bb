import { isCoordinationError, isRetryable } from '../errors.js';
import { Backoff } from './backoff.js';
import type { ClientContext } from './context.js';
import { orAbort, type Scope } from './signals.js';
import { absent, type Commit, type Entry, type Guard, type Op, type Query } from './store.js';

/** A commit that leaves a witness of having been made. */
export interface OnceCommit {
  readonly guards: readonly Guard[];
  /** Must put the witness. */
  readonly ops: readonly Op[];
  /**
   * A key that no other commit ever creates, unless it is the same one made again: that it is there is what tells that the
   * commit was applied, where no answer said so. That it is absent is added to the guards.
   */
  readonly witness: string;
  /** Read instead, at once, where a guard does not hold. */
  readonly otherwise?: readonly Query[] | undefined;
  /** How long to wait for the answer to an attempt, in milliseconds. Default: the transport's own. */
  readonly timeoutMs?: number | undefined;
  /** Called for each attempt that was not answered: it may have been applied, or may yet be. */
  readonly unanswered?: (() => void) | undefined;
}

/** What became of an {@link OnceCommit}. */
export type OnceOutcome =
  /** Applied by the last attempt: its answer. */
  | { readonly kind: 'applied'; readonly commit: Commit; readonly late: boolean }
  /** The witness was there: an earlier attempt whose answer was lost, or, with `late` false, an earlier life, made it. */
  | { readonly kind: 'found'; readonly witness: Entry; readonly late: boolean }
  /** A guard other than the witness's did not hold. With `late`, an earlier attempt may yet be applied. */
  | { readonly kind: 'refused'; readonly commit: Commit; readonly late: boolean };

/**
 * Makes a commit exactly once, through lost answers and failures that pass by themselves: it is sent again as it was, and
 * its witness tells whether an earlier attempt got through. Rejects with the reason of the scope, after which the commit
 * may or may not have been applied, or with an error of the store that repeating does not mend. One round trip when all
 * is well.
 */
export async function commitOnce(
  client: Pick<ClientContext, 'store' | 'clock' | 'random'>,
  scope: Scope,
  { guards, ops, witness, otherwise = [], timeoutMs, unanswered }: OnceCommit,
): Promise<OnceOutcome> {
  const { store, clock, random } = client;
  const backoff = new Backoff(clock, random);
  const look: Query = { key: witness };
  let late = false;
  for (;;) {
    try {
      const options = { timeoutMs, otherwise: [look, ...otherwise] };
      const commit = await orAbort(store.commit([absent(witness), ...guards], ops, options), scope);
      if (commit.ok) return { kind: 'applied', commit, late };
      const [found = [], ...reads] = commit.reads;
      const entry = found[0];
      if (entry !== undefined) return { kind: 'found', witness: entry, late };
      return { kind: 'refused', commit: { ...commit, reads }, late };
    } catch (error) {
      scope.throwIfAborted();
      if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) {
        late = true;
        unanswered?.();
      } else if (!isRetryable(error)) throw error;
      await backoff.wait(scope);
    }
  }
}
