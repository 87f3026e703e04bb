/**
 * Runs all microtasks that are due, down to the last one, before it returns; only when called from a macrotask. Undefined
 * where this Node cannot do so: then the event loop has to turn once for each event, which takes five times as long.
 *
 * There is no public way to do it. `process._tickCallback` has been in Node since its first versions, and is what runs
 * after every callback; whether it does what is needed here is tried out, once, by {@link canDrain}.
 */
export const drainMicrotasks: (() => void) | undefined = (
  process as unknown as { readonly _tickCallback?: () => void }
)._tickCallback?.bind(process);

/** Whether {@link drainMicrotasks} works. To be called from a macrotask. */
export function canDrain(): boolean {
  if (drainMicrotasks === undefined) return false;
  let hops = 0;
  const hop = (): void => {
    if (++hops < 10) queueMicrotask(hop);
  };
  queueMicrotask(hop);
  drainMicrotasks();
  return hops === 10;
}
