import { Backoff } from '../core/backoff.js';
import { orAbort } from '../core/signals.js';
import { absent, type Guard, type Op, put, read } from '../core/store.js';
import { isCoordinationError, isRetryable } from '../errors.js';
import type { Place, Places } from './line-place.js';

/** What a place adds to the commit by which it is taken. */
interface JoinPart {
  readonly guards: readonly Guard[];
  readonly ops: readonly Op[];
  /** How many of the steps are reads. */
  readonly looks: number;
}

/**
 * Takes all these places, of one session, in one commit. An attempt whose outcome is unknown is made again as it was:
 * the ticket keys are these places' own, so that the second attempt either creates them or finds what the first one
 * did. One round trip.
 */
export async function joinLines(places: Places): Promise<void> {
  const joining = tryUntilJoined(places);
  for (const place of places) place.joining = joining;
  await orAbort(joining, places[0].scope);
}

async function tryUntilJoined(places: Places): Promise<void> {
  const [{ client, session, scope }] = places;
  const backoff = new Backoff(client.clock, client.random);
  for (;;) {
    try {
      if (await tryJoin(places)) return;
    } catch (error) {
      if (isCoordinationError(error, 'LEASE_NOT_FOUND')) throw session.leaseGone(error);
      if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) for (const place of places) place.late = true;
      else if (!isRetryable(error)) throw error;
      await backoff.wait(scope);
    }
  }
}

async function tryJoin(places: Places): Promise<boolean> {
  const [first] = places;
  const { entrance } = first.rule;
  if (entrance !== undefined) await entrance.open(first.scope);
  const parts = places.map(joinPart);
  const guards = parts.flatMap((part) => part.guards);
  const ops = parts.flatMap((part) => part.ops);
  const otherwise = entrance && [{ key: first.key }, entrance.query];
  const timeoutMs = first.session.patienceMs;
  const { ok, revision, reads } = await first.client.store.commit(guards, ops, { timeoutMs, otherwise });
  if (ok) {
    let at = 0;
    for (const [n, place] of places.entries()) {
      const until = at + (parts[n]?.looks ?? 0);
      place.joined(revision, reads.slice(at, until));
      at = until;
    }
    return true;
  }
  if (entrance !== undefined && reads[0]?.length === 0) {
    entrance.refused(reads[1] ?? []);
    return false;
  }
  // The tickets are there: an earlier attempt has arrived after all.
  for (const place of places) await place.find();
  return true;
}

function joinPart({ rule, prefix, key, value, session }: Place): JoinPart {
  const { entrance } = rule;
  const looks = rule.look(prefix, undefined).map(read);
  const ops = [...looks, put(key, value, session.lease)];
  const guard = absent(key);
  if (entrance === undefined) return { guards: [guard], ops, looks: looks.length };
  return { guards: [guard, ...entrance.guards], ops: [...entrance.ops, ...ops], looks: looks.length };
}
