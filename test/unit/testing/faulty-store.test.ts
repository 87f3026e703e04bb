import { describe, expect, it } from 'vitest';
import { timeoutError } from '../../../src/core/signals.js';
import { put, read, remove } from '../../../src/core/store.js';
import { FaultyStore } from '../../../src/testing/faulty-store.js';
import { settle, VirtualClock } from '../../../src/testing/virtual-clock.js';
import { createMemoryCluster } from '../../../src/transport/memory/cluster.js';

function setup() {
  const clock = new VirtualClock();
  const cluster = createMemoryCluster({ clock });
  return { clock, cluster, store: new FaultyStore(cluster.store(), clock) };
}

const key = '/k';

describe('FaultyStore', () => {
  it('drops a request: UNAVAILABLE, and nothing is applied', async () => {
    const { store, cluster } = setup();
    store.dropRequests();
    await expect(store.commit([], [put(key, '')])).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(cluster.entries()).toEqual([]);
    expect((await store.commit([], [put(key, '')])).ok).toBe(true);
  });

  it('drops an answer: UNKNOWN_OUTCOME for a commit, which is applied', async () => {
    const { store, cluster } = setup();
    store.dropAnswers();
    await expect(store.commit([], [put(key, '')])).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false });
    expect(cluster.entries()).toHaveLength(1);
  });

  it('treats a commit that only reads as a read: it may be made again, whatever became of it', async () => {
    const { store, clock } = setup();
    const look = () => store.commit([], [read({ key })], { timeoutMs: 10 });
    store.dropAnswers();
    await expect(look()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    store.partition();
    const looking = expect(look()).rejects.toMatchObject({ code: 'TIMEOUT' });
    await clock.advance(10);
    await looking;
  });

  it('keeps the events of a watch in order where the line becomes faster while one is on its way', async () => {
    const { store, cluster, clock } = setup();
    const seen: string[] = [];
    // Armed before the timer of what is on its way, so that both come at one moment, this one first.
    clock.after(150, () => cluster.putKey('/p/late', ''));
    const watch = store.watch({ prefix: '/p/' });
    void (async () => {
      for await (const batch of watch) if (batch.kind === 'changes') seen.push(...batch.puts.map((entry) => entry.key));
    })();
    await clock.advance(100);
    store.delay(100);
    cluster.putKey('/p/early', '');
    await settle();
    store.delay(0);
    await clock.advance(100);
    expect(seen).toEqual(['/p/early', '/p/late']);
    await watch.return();
  });

  it('strikes the verb and the number of calls that it was told', async () => {
    const { store } = setup();
    store.dropAnswers({ verb: 'grant', count: 2 });
    await store.read({ key });
    await expect(store.grant(100)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(store.grant(100)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await store.grant(100);
  });

  it('delays calls by a round trip and events by half of one, in order', async () => {
    const { store, clock } = setup();
    store.delay(20);
    const watch = store.watch({ key });
    await clock.runUntil(watch.next());
    expect(clock.now()).toBe(10);
    const commit = store.commit([], [put(key, '')]);
    await clock.runUntil(watch.next());
    expect(clock.now()).toBe(30);
    await clock.runUntil(commit);
    expect(clock.now()).toBe(30);
    await store.close();
    expect(clock.pending).toBe(0);
  });

  it('applies a held request late, even when its caller has given up', async () => {
    const { store, cluster, clock } = setup();
    store.holdRequests();
    const late = store.commit([], [put(key, '')], { timeoutMs: 50 });
    await expect(clock.runUntil(late)).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(cluster.entries()).toEqual([]);
    store.releaseRequests();
    await settle();
    expect(cluster.entries()).toHaveLength(1);
  });

  it('holds answers of what is applied', async () => {
    const { store, cluster } = setup();
    store.holdAnswers();
    let answered = false;
    const commit = store.commit([], [put(key, '')]).then(() => {
      answered = true;
    });
    await settle();
    expect([cluster.entries().length, answered]).toEqual([1, false]);
    store.releaseAnswers();
    await commit;
  });

  it('lets calls of a partition hang until their timeout, 5 s by default', async () => {
    const { store, clock } = setup();
    store.partition();
    await expect(clock.runUntil(store.read({ key }))).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(clock.now()).toBe(5_000);
    const commit = store.commit([], [put(key, '')], { timeoutMs: 10 });
    await expect(clock.runUntil(commit)).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' });
  });

  it('hands on the caller’s own reason, even where it is a timeout', async () => {
    const { store } = setup();
    store.partition();
    const controller = new AbortController();
    const reason = timeoutError(50, 'something around the commit');
    const commit = store.commit([], [put(key, '')], { signal: controller.signal });
    controller.abort(reason);
    await expect(commit).rejects.toBe(reason);
  });

  it('lets what still waits go through once a partition is healed', async () => {
    const { store } = setup();
    store.partition();
    const read = store.read({ key });
    await settle();
    store.heal();
    expect((await read).entries).toEqual([]);
  });

  it('keeps watches silent in a partition and brings them back from a snapshot', async () => {
    const { store, cluster } = setup();
    const watch = store.watch({ prefix: '/' });
    await watch.next();
    store.partition();
    cluster.putKey('/a', '1');
    cluster.putKey('/b', '2');
    cluster.deleteKey('/a');
    let told = false;
    const next = watch.next().finally(() => {
      told = true;
    });
    await settle();
    expect(told).toBe(false);
    store.heal();
    expect((await next).value).toMatchObject({ kind: 'snapshot', entries: [{ key: '/b' }] });
    cluster.putKey('/c', '3');
    expect((await watch.next()).value).toMatchObject({ kind: 'changes', puts: [{ key: '/c' }] });
  });

  it('starts a watch that was opened in a partition when it is healed', async () => {
    const { store } = setup();
    store.partition();
    const next = store.watch({ prefix: '/' }).next();
    await settle();
    store.heal();
    expect((await next).value).toMatchObject({ kind: 'snapshot' });
  });

  it('counts calls by verb, and no bad input', async () => {
    const { store } = setup();
    const { id } = await store.grant(100);
    await store.commit([], [put(key, '', id)]);
    await store.commit([], [remove(key)]);
    await store.renew(id);
    await store.read({ key: '' }).catch(() => {});
    store.dropRequests();
    await store.read({ key }).catch(() => {});
    await store.watch({ key }).return();
    await store.revoke(id);
    expect(store.requests).toEqual({ read: 1, commit: 2, watch: 1, grant: 1, renew: 1, revoke: 1 });
    expect(store.requestCount).toBe(7);
  });
});
