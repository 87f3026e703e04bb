import { within } from '../core/signals.js';
import { remove } from '../core/store.js';
import type { Place } from './line-place.js';

/** How long one that leaves may keep its caller waiting for the store before the rest is done in the background. */
const leaveWithinMs = 1_000;

/** Takes the ticket out of the line: now if the store can be reached, else in the background. Never rejects. */
export async function leaveLine(place: Place): Promise<void> {
  place.stopWatching();
  const { joining } = place;
  if (joining === undefined) return;
  const { clock } = place.client;
  await within(clock, { timeoutMs: leaveWithinMs }, 'leaving a line', takeOut(place, joining)).catch(() => {});
}

async function takeOut(place: Place, joining: Promise<unknown>): Promise<void> {
  // Its outcome was reported where it was awaited. Here it only has to be over.
  await joining.catch(() => {});
  const { client, session, key } = place;
  const { kind } = session.state;
  // With its session, a ticket goes by itself; and what was never put need not be deleted.
  if (!place.mayBeInLine || kind === 'lost' || kind === 'closed') return;
  const { patienceMs: timeoutMs } = session;
  const removed = await client.store.commit([], [remove(key)], { timeoutMs }).then(
    () => true,
    () => false,
  );
  if (removed && !place.late) session.names.returnTicket(key);
  else void session.cleanUp(key, place.late);
}
