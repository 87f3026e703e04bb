/** Access to arrays by indexes that are right by construction; `noUncheckedIndexedAccess` cannot know of them. */
export function at(items: Int32Array, index: number): number {
  return items[index] as number;
}

/** As {@link at}, of any array. */
export function item<T>(items: readonly T[], index: number): T {
  return items[index] as T;
}

/** A list of lists of integers, in two arrays. */
export interface IntLists {
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

/** Lists from their lengths; `fill` is called with a function that appends to a list. */
export function intLists(lengths: Int32Array, fill: (append: (list: number, item: number) => void) => void): IntLists {
  const starts = new Int32Array(lengths.length + 1);
  for (const [list, length] of lengths.entries()) starts[list + 1] = at(starts, list) + length;
  const items = new Int32Array(at(starts, lengths.length));
  const next = starts.slice();
  fill((list, value) => {
    const place = at(next, list);
    items[place] = value;
    next[list] = place + 1;
  });
  return { starts, items };
}
