/** Leases that nobody renews end on the embedded server as they do on etcd, in real time. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasServer } from '../../servers/find.js';
import { waitFor } from '../../servers/wait.js';
import { difference, type PlainFields } from './plain.js';
import { etcdAndDevServer, type RunningPair } from './servers.js';
import type { Side } from './side.js';
import type { Fields } from './step.js';

const all = { key: '\0', rangeEnd: '\0' };

/** The keys that are left, as one asks again and again, each with when it was first missed, in milliseconds from `began`. */
async function watchThemGo(side: Side, keys: readonly string[], began: number): Promise<Map<string, number>> {
  const gone = new Map<string, number>();
  await waitFor(
    async () => {
      const { kvs = [] } = await side.call('range', { ...all, keysOnly: true });
      const left = new Set((kvs as readonly PlainFields[]).map(({ key }) => key));
      for (const key of keys) if (!left.has(key) && !gone.has(key)) gone.set(key, performance.now() - began);
      return gone.size === keys.length;
    },
    { timeoutMs: 20_000, what: `the end of ${keys.join(', ')}` },
  );
  return gone;
}

/** What happens to one server: five leases, of which one is renewed once and one for as long as the test lasts. */
async function live(side: Side): Promise<{ readonly gone: Map<string, number>; readonly answers: PlainFields }> {
  await side.begin();
  await side.watch(0, { ...all, prevKv: true });
  const began = performance.now();
  const call = (name: 'grant' | 'put' | 'revoke' | 'timeToLive', request: Fields) => side.call(name, request);
  for (const [ID, TTL] of Object.entries({ 2: 2n, 4: 4n, 6: 6n, 30: 3n, 60: 60n }))
    await call('grant', { ID: BigInt(ID), TTL });
  for (const key of ['two-b', 'two-a', 'two-c']) await call('put', { key, lease: 2n });
  await call('put', { key: 'four', lease: 4n });
  await call('put', { key: 'six', lease: 6n });
  await call('put', { key: 'moved', lease: 2n });
  await call('put', { key: 'moved', lease: 60n });
  await call('put', { key: 'freed', lease: 2n });
  await call('put', { key: 'freed' });
  await call('put', { key: 'kept', lease: 30n });
  // Renewed now, a lease of 6 s lives until a second later than it would have.
  await delay(1_000);
  const renewed = await side.keepAlive({ ID: 6n });
  const stop = new AbortController();
  const renewing = keepRenewing(side, 30n, stop.signal);
  const gone = await watchThemGo(side, ['two-a', 'two-b', 'two-c', 'four', 'six'], began);
  stop.abort();
  await renewing;
  const answers = {
    renewed,
    ended: await call('timeToLive', { ID: 2n, keys: true }),
    endedToo: await side.keepAlive({ ID: 2n }),
    revoked: await call('revoke', { ID: 4n }),
    kept: await call('timeToLive', { ID: 30n, keys: true }),
    leases: await side.call('leases', {}),
    put: await call('put', { key: 'late', lease: 2n }),
    left: await side.call('range', all),
    seen: await side.seen(),
  };
  return { gone, answers };
}

async function keepRenewing(side: Side, ID: bigint, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await side.keepAlive({ ID });
    await delay(500, undefined, { signal }).catch(() => {});
  }
}

describe.skipIf(!(await hasServer('etcd-3.5')))('leases that nobody renews', () => {
  let running: RunningPair;

  beforeAll(async () => {
    running = await etcdAndDevServer();
  });

  afterAll(() => running?.stop());

  it('end in their time and order, with their keys and with nobody else', async () => {
    const [etcd, ours] = await Promise.all(running.pair.map((side) => live(side)));
    expect(difference(etcd?.answers, ours?.answers)).toBeUndefined();
    for (const { gone } of [etcd, ours].filter((one) => one !== undefined)) {
      for (const [key, seconds] of Object.entries({ 'two-a': 2, 'two-b': 2, 'two-c': 2, four: 4, six: 7 })) {
        // etcd looks every half second, and what looks at it is slow at times.
        expect(gone.get(key), key).toBeGreaterThanOrEqual(seconds * 1_000 - 20);
        expect(gone.get(key), key).toBeLessThan(seconds * 1_000 + 1_500);
      }
    }
  });
});
