/** Following an election without standing in it: leaders, what they proclaim, and the time without one. */
import { Election } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using candidate = cluster.client();
await using observer = cluster.client();

const election = new Election(candidate, '/elections/primary');

/** What a leader does while it is watched: it takes office, moves house, and steps down. */
async function career(): Promise<void> {
  const term = await election.campaign('db-1');
  await term.proclaim('db-1, read only');
  await term.resign();
}

let leadersSeen = 0;
// First how things stand, then every change. What changes faster than it is read may be left out, the last state never.
for await (const seen of new Election(observer, '/elections/primary').observe({ timeoutMs: 5_000 })) {
  if (seen.leader !== undefined) {
    leadersSeen++;
    console.log(`leader: ${seen.value}`);
    continue;
  }
  console.log('nobody leads');
  if (leadersSeen > 0) break;
  career().catch(console.error);
}
