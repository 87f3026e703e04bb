import { type Entry, type Op, put } from 'coterie';

/** The counter as it is stored: how far it has come, and the fencing token under which that was written. */
export interface Counter {
  readonly value: number;
  readonly token: bigint;
}

/** Values are bytes to the store; what they mean is up to the program. */
const decoder = new TextDecoder();

export function textOf(entry: Entry): string {
  return decoder.decode(entry.value);
}

export function putCounter(key: string, { value, token }: Counter): Op {
  return put(key, JSON.stringify({ value, token: String(token) }));
}

/** A counter that nobody has written yet stands at 0. */
export function counterIn(entries: readonly Entry[] | undefined): Counter {
  const [entry] = entries ?? [];
  if (entry === undefined) return { value: 0, token: 0n };
  // Below the prefix of this run nobody writes the key but putCounter.
  const { value, token } = JSON.parse(textOf(entry)) as { value: number; token: string };
  return { value, token: BigInt(token) };
}
