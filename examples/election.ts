/** Leader election: candidates stand in line, and each term has a token greater than the one before. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Election, type Term } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using ada = cluster.client();
await using bob = cluster.client();

const stop = new AbortController();
const election = new Election(ada, '/elections/cron');

// `lead` runs the task as leader. It stands again whenever a term was lost, until the task ends by itself.
const adasTask = election.lead('ada', adasOffice, { signal: stop.signal });

async function adasOffice(term: Term, signal: AbortSignal): Promise<void> {
  // Everybody can read what a leader proclaims, only the leader can write it.
  await term.proclaim('ada, at 10.0.0.1:8080');
  // Aborts when the term is lost, and when ada is stopped.
  while (!signal.aborted) await sleep(5);
}

// Another candidate waits for its turn.
const bobsTerm = new Election(bob, '/elections/cron').campaign('bob');

for await (const seen of new Election(bob, '/elections/cron').observe()) {
  console.log(seen.leader === undefined ? 'nobody leads' : `leader: ${seen.value}`);
  if (seen.leader !== undefined && seen.value.includes('10.0.0.1')) stop.abort();
  if (seen.leader !== undefined && seen.value === 'bob') break;
}

await adasTask;
await using term = await bobsTerm;
console.log(`bob leads: ${term.isHeld()}`);
