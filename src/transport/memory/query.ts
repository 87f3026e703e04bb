import type { Query } from '../../core/store.js';
import type { Version } from './history.js';

/** What a query leaves of the versions of its range, which are given in the order of their keys. */
export function select(versions: Version[], query: Query): Version[] {
  const { order = 'key', limit, createdBefore } = query;
  const below = createdBefore === undefined ? Number.POSITIVE_INFINITY : Number(createdBefore);
  const found = createdBefore === undefined ? versions : versions.filter(({ created }) => created < below);
  if (order !== 'key' && limit === 1) return extreme(found, order === 'oldest' ? 1 : -1);
  // Sorting is stable, so that entries of one revision stay in the order of their keys.
  if (order === 'oldest') found.sort((a, b) => a.created - b.created);
  if (order === 'newest') found.sort((a, b) => b.created - a.created);
  return limit === undefined ? found : found.slice(0, limit);
}

/** The one at the end of a line, without sorting the line: what everyone who joins one asks for. */
function extreme(versions: readonly Version[], sign: number): Version[] {
  let best = versions[0];
  if (best === undefined) return [];
  for (const version of versions) if (sign * (version.created - best.created) < 0) best = version;
  return [best];
}
