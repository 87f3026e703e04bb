/**
 * How many joins of a waiting line the embedded store takes a second: guard absent, put under a lease, read the newest.
 * One client, one commit at a time, 100 lines; each commit also deletes an old ticket, so that lines stay short. With `--json` it
 * prints one line of JSON.
 */
import { absent, put, read, remove } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const rounds = 5;
const commits = 50_000;
const lines = 100;

async function round(): Promise<number> {
  const store = memoryCluster().store();
  const { id } = await store.grant(60_000);
  const started = performance.now();
  for (let n = 0; n < commits; n++) {
    const prefix = `/bench/line-${n % lines}/`;
    const ticket = `${prefix}${id}-${n}`;
    await store.commit(
      [absent(ticket)],
      [put(ticket, '', id), read({ prefix, order: 'newest', limit: 1 }), remove(`${prefix}${id}-${n - lines}`)],
    );
  }
  const seconds = (performance.now() - started) / 1_000;
  await store.close();
  return commits / seconds;
}

async function load(): Promise<number> {
  const store = memoryCluster().store();
  const started = performance.now();
  for (let n = 0; n < 100_000; n += 100) {
    // Spread over the key space, so that keys do not come in order.
    const ops = Array.from({ length: 100 }, (_, i) => put(`/load/${((n + i) * 7919) % 100_003}`, 'value'));
    await store.commit([], ops);
  }
  const elapsedMs = performance.now() - started;
  await store.close();
  return elapsedMs;
}

const perSecond: number[] = [];
for (let n = 0; n < rounds; n++) perSecond.push(await round());
perSecond.sort((a, b) => a - b);
const result = {
  bench: 'memory-commits',
  commitsPerSecond: Math.round(perSecond[rounds >> 1] as number),
  best: Math.round(perSecond[rounds - 1] as number),
  load100kKeysMs: Math.round(await load()),
  node: process.version,
};
const sentence = `${result.commitsPerSecond} commits a second (best ${result.best}); 100,000 keys loaded in ${result.load100kKeysMs} ms`;
process.stdout.write(`${process.argv.includes('--json') ? JSON.stringify(result) : sentence}\n`);
