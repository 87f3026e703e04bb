import { Backoff } from './backoff.js';
import type { ClientContext } from './context.js';
import type { LeasedEntry } from './leased-entry.js';
import type { Session } from './session.js';
import { sleep } from './signals.js';
import type { Entry, LeaseId } from './store.js';

/** What is to go, and how it is known as one's own. */
interface Removal {
  readonly client: ClientContext;
  readonly entry: LeasedEntry;
  /** The last one it was put under, by which its name is claimed. */
  readonly session: Session;
  /** The leases of all sessions it was ever put under. */
  readonly leases: ReadonlySet<LeaseId>;
}

/**
 * Takes a leased entry out of the store, and gives its name back, for as long as there is a session under which it could
 * be there. What is not one's own is let be. Resolves to whether it was there until then; never rejects. A put that was
 * never answered is waited for in the background.
 */
export async function removeEntry(removal: Removal): Promise<boolean> {
  const { client, entry, session } = removal;
  const backoff = new Backoff(client.clock, client.random, { baseMs: 100, capMs: 10_000 });
  let own: Entry | undefined;
  let removed = false;
  for (let done = false; !done && !session.signal.aborted; ) {
    try {
      const before = own;
      own = await findOwn(removal);
      // Gone after an attempt: by that attempt, as far as anybody can tell.
      removed = own === undefined ? before !== undefined : await entry.remove(session, own);
      done = own === undefined || removed;
    } catch {
      await backoff.wait(session.signal).catch(() => {});
    }
  }
  session.names.unclaim(entry.key);
  void sweep(removal);
  return removed;
}

async function findOwn({ entry, session, leases }: Removal): Promise<Entry | undefined> {
  const found = await entry.current(session);
  return found?.lease !== undefined && leases.has(found.lease) ? found : undefined;
}

/** Waits for a put that was never answered, in case it turns up when nobody wants it any more. */
async function sweep(removal: Removal): Promise<void> {
  const { client, entry, session } = removal;
  const backoff = new Backoff(client.clock, client.random, { baseMs: 100, capMs: 30_000 });
  for (let leftMs = entry.lateMs(session); leftMs > 0; leftMs = entry.lateMs(session)) {
    await sleep(client.clock, Math.min(leftMs, backoff.nextMs()), session.signal).catch(() => {});
    // The next one who has the name sees to what stands there itself.
    if (session.signal.aborted || session.names.isClaimed(entry.key)) return;
    try {
      await entry.look(session);
      const own = await findOwn(removal);
      // What was seen may be what that one has put meanwhile.
      if (session.names.isClaimed(entry.key)) return;
      if (own !== undefined) await entry.remove(session, own);
    } catch {
      // Looked at again, the next time.
    }
  }
}
