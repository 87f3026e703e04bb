import { leaveLine } from './line-leave.js';
import type { Places } from './line-place.js';
import { readAll } from './line-read.js';

/**
 * Runs the way through the line, or through the lines of several places of one session. Where it does not end in a
 * hold, the tickets are taken out before this settles. The scope ends with the session, as a wait must not outlive
 * what would make it count.
 */
export async function stayInLines<T>(places: Places, way: () => Promise<T>): Promise<T> {
  const [{ scope, session }] = places;
  const { abort } = scope;
  session.onEnd(abort);
  let served: T | undefined;
  try {
    served = await way();
    return served;
  } finally {
    session.offEnd(abort);
    for (const place of places) place.stopWaiting();
    if (served === undefined) await Promise.all(places.map(leaveLine));
  }
}

/** Makes sure, by one read, that the tickets of all these places are in line, as after long waits one by one. */
export async function confirmInLines(places: Places): Promise<void> {
  const [{ client, scope }] = places;
  const queries = places.map(({ key }) => ({ key }));
  const reads = await readAll(client, queries, scope);
  for (const [at, place] of places.entries()) if (!place.isMine(reads[at]?.[0])) throw await place.missing();
}
