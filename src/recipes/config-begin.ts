import type { ClientContext } from '../core/context.js';
import { firstOf, openScope, orAbort, type Scope } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { type CoordinationError, isRetryable, printable } from '../errors.js';
import type { First } from './config-announcer.js';
import { type ConfigRejection, invalidConfig } from './config-judge.js';
import type { Keeper } from './config-keeper.js';
import type { Plan } from './config-options.js';

/** The error of those who need what was refused. */
export function refusedError(path: string, { reason, issues }: ConfigRejection): CoordinationError {
  const why =
    reason === 'empty'
      ? 'there is no key'
      : reason === 'schema'
        ? 'the schema does not accept it'
        : 'it cannot be read';
  return invalidConfig(path, why, issues);
}

/** Waits for the first value: what the store says, or else what there is beside it. Rejects where there is none. */
export async function begin<T>(client: ClientContext, plan: Plan<T>, keeper: Keeper<T>): Promise<void> {
  const { path, call } = plan;
  let first: Exclude<First, 'accepted'> | undefined;
  let decided = false;
  let wake = (): void => {};
  keeper.start((told) => {
    if (told !== 'accepted') first = told;
    const goesOn = told !== 'accepted' && 'error' in told && isRetryable(told.error);
    if (goesOn) return;
    decided = true;
    wake();
  });
  const until = async (options: CallOptions): Promise<void> => {
    using scope = openScope(client.clock, options, `the configuration of "${printable(path)}"`);
    const arm = (now: () => void) => {
      wake = now;
      if (decided) now();
      return () => {};
    };
    await firstOf(scope, [arm]);
  };
  let error: unknown;
  await until(call).catch((cause: unknown) => {
    call.signal?.throwIfAborted();
    error = first !== undefined && 'error' in first ? first.error : cause;
  });
  if (keeper.current.accepted !== undefined) return;
  using scope = openScope(client.clock, { signal: call.signal }, 'the fallback of a configuration');
  if (await fallBack(keeper, first, scope)) return;
  if (first !== undefined && 'refused' in first && first.refused.reason === 'empty') {
    decided = false;
    keeper.acceptEmpty();
    if (keeper.current.accepted === undefined) await until(call);
    if (keeper.current.accepted !== undefined) return;
  }
  if (keeper.current.accepted !== undefined) return;
  if (first !== undefined && 'refused' in first) throw refusedError(path, first.refused);
  throw first?.error ?? error;
}

/** Puts something in place that does not come from the store. */
async function fallBack<T>(keeper: Keeper<T>, first: First | undefined, scope: Scope): Promise<boolean> {
  const content = await orAbort(keeper.file?.load() ?? Promise.resolve(undefined), scope);
  if (keeper.closed) return false;
  if (keeper.current.accepted !== undefined) return true;
  if (content !== undefined && (await orAbort(keeper.adopt(content), scope))) return true;
  const isEmpty = typeof first === 'object' && 'refused' in first && first.refused.reason === 'empty';
  return !isEmpty && keeper.stack.hasObjects && (await orAbort(keeper.adopt(undefined), scope));
}
