/**
 * The fewest of some steps with which something still happens: pieces are taken away, larger ones first, as long as it
 * does. Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002), without its first half.
 */
export async function shrink<T>(
  steps: readonly T[],
  stillHappens: (steps: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = steps;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let again = true; again; ) {
      again = false;
      for (let at = left.length - size; at > -size; at -= size) {
        const without = [...left.slice(0, Math.max(0, at)), ...left.slice(at + size)];
        if (without.length === left.length || !(await stillHappens(without))) continue;
        left = without;
        again = size === 1;
      }
    }
  }
  return left;
}
