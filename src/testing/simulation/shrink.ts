import type { Strike } from './plan.js';

/**
 * The fewest strikes that still make a run fail as it did, by delta debugging (Zeller, Hildebrandt, 2002): leaves out half of
 * them, then a quarter, and so on. `fails` runs the seed with these strikes only. At most `tries` runs.
 */
export async function shrinkStrikes(
  strikes: readonly Strike[],
  fails: (strikes: readonly Strike[]) => Promise<boolean>,
  tries = 200,
): Promise<readonly Strike[]> {
  let left = tries;
  let kept = strikes;
  for (let parts = 2; kept.length > 0 && left > 0; ) {
    const size = Math.ceil(kept.length / parts);
    let fewer: readonly Strike[] | undefined;
    for (let at = 0; at < kept.length && left > 0 && fewer === undefined; at += size) {
      const rest = [...kept.slice(0, at), ...kept.slice(at + size)];
      left--;
      if (await fails(rest)) fewer = rest;
    }
    if (fewer !== undefined) {
      kept = fewer;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(kept.length, 2 * parts);
  }
  return kept;
}
