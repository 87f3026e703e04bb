import { type SimulatedWorld, Violation } from 'coterie/testing';

/** The promise, or a {@link Violation} of this name where it takes longer than so many virtual milliseconds. */
export async function soon<T>(
  world: SimulatedWorld,
  boundMs: number,
  invariant: string,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  let over = false;
  const late = world.sleep(boundMs).then(() => {
    if (!over) throw new Violation(invariant, `${what}: not within ${boundMs} ms`);
    return undefined as never;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    over = true;
  }
}

/** Waits until it is so; throws a {@link Violation} of this name where that takes longer than so many virtual milliseconds. */
export async function becomes(
  world: SimulatedWorld,
  boundMs: number,
  invariant: string,
  what: string,
  isSo: () => boolean,
): Promise<void> {
  const untilMs = world.nowMs + boundMs;
  while (!isSo()) {
    if (world.nowMs >= untilMs) throw new Violation(invariant, `${what}: not within ${boundMs} ms`);
    await world.sleep(50);
  }
}
