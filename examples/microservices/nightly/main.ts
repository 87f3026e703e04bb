/** Closes the books night by night, one process at a time. Its writes are fenced, as no lock keeps a sleeper from waking. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Hold, isCoordinationError, Mutex } from 'coterie';
import { listen } from '../lib/http.js';
import { runService } from '../lib/service.js';
import { isStale, Ledger } from './ledger.js';

const options = { database: 'books.sqlite', 'work-ms': 1_000, 'rest-ms': 1_000 };

await runService('nightly', options, async ({ id, flags, client, paths, log, stopping }) => {
  using ledger = new Ledger(flags.database);
  const mutex = new Mutex(client, paths.nightly, { label: id });
  let token: bigint | undefined;

  const closeTheBooks = async (hold: Hold): Promise<void> => {
    token = hold.token;
    const last = ledger.begin(token);
    const night = last.night + 1;
    log('night-begins', { night, token });
    await sleep(flags['work-ms']);
    // To look at `hold.isHeld()` here would not be enough: between the look and the write, the process can be stopped for
    // longer than its lock lasts. Only the database can keep such a write out, and the token tells it which one that is.
    ledger.close({ night, total: last.total + 100, token, author: id });
    log('night-written', { night, token });
  };

  await using http = await listen(flags.port, log, () => ({
    healthy: !stopping.aborted,
    token: token && String(token),
  }));
  log('started', { port: http.port, database: flags.database });
  while (!stopping.aborted) {
    try {
      await mutex.run(closeTheBooks, { signal: stopping });
    } catch (error) {
      if (isStale(error)) log('write-refused', { by: 'the database', token, reason: 'stale fencing token' });
      else if (isCoordinationError(error)) log('night-lost', { token, code: error.code });
      else throw error;
    }
    token = undefined;
    await sleep(flags['rest-ms'], undefined, { signal: stopping });
  }
});
