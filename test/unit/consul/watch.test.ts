import { describe, expect, it } from 'vitest';
import { put, type Watch } from '../../../src/core/store.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import type { ConsulStore } from '../../../src/transport/consul/store.js';
import { codeOf } from '../../rejections.js';
import { type Answer, type FakeConsul, pairJson, type Reply } from './fake-consul.js';
import { fakeConsul, listenersOf, next, passFor, passUntil, shortly, storeOn, tidyUp, told, turns } from './tools.js';

tidyUp();

interface Started {
  readonly fake: FakeConsul;
  readonly store: ConsulStore;
  readonly clock: VirtualClock;
  readonly watch: Watch;
}

/** A watch of the prefix `k/`, on a virtual clock, that has delivered its snapshot and waits. */
async function started(prefix = 'k/'): Promise<Started> {
  const fake = await fakeConsul();
  const clock = new VirtualClock();
  const store = storeOn(fake, {}, clock);
  const watch = store.watch({ prefix });
  expect(told(await next(watch))).toEqual(['snapshot']);
  await passUntil(clock, () => fake.openPolls === 1, 'a poll');
  return { fake, store, clock, watch };
}

/** Takes batches, while virtual time passes, until one tells what is wanted. */
async function nextWhile(clock: VirtualClock, watch: Watch): Promise<string[]> {
  return told(await passFor(clock, next(watch), 'a batch'));
}

const indexHeader = (answer: Answer, index: bigint | string): Answer => {
  return { ...answer, headers: { ...answer.headers, 'x-consul-index': String(index) } };
};

describe('a watch', () => {
  it('asks for what is there and then waits for changes, for at most 55 s (hazard 75)', async () => {
    const { fake } = await started();
    expect(fake.seen.map(({ path, query }) => [path, query.get('index'), query.get('wait')])).toEqual([
      ['/v1/kv/k/', null, null],
      ['/v1/kv/k/', '10', '55000ms'],
    ]);
  });

  it('waits for as long as it was set to', async () => {
    const fake = await fakeConsul();
    const watch = storeOn(fake, { timeouts: { watchMs: 1_000 } }).watch({ key: 'k' });
    await next(watch);
    await shortly(() => fake.count('poll') > 0, 'a poll');
    expect(fake.of('poll')[0]?.query.get('wait')).toBe('1000ms');
  });

  it('tells what was put and deleted since, the changes of one commit in one batch', async () => {
    const { fake, clock, store, watch } = await started();
    fake.kv.txn(['k/a', 'k/b', 'l'].map((Key) => ({ Verb: 'set', Key, Value: 'MQ==' })));
    expect(told(await next(watch))).toEqual(['k/a=1', 'k/b=1']);
    await passUntil(clock, () => fake.openPolls === 1, 'the next poll');
    fake.kv.txn([
      { Verb: 'set', Key: 'k/a', Value: 'Mg==' },
      { Verb: 'delete', Key: 'k/b' },
    ]);
    const batch = await next(watch);
    expect(told(batch)).toEqual(['k/a=2', '-k/b']);
    expect(batch).toMatchObject({ kind: 'changes', revision: fake.kv.index });
    expect(store.stats.openPolls).toBe(1);
  });

  it('tells of a key that was deleted and made again between two looks', async () => {
    const { fake, clock, watch } = await started();
    fake.kv.set('k/a', '1', 7n);
    const before = await next(watch);
    await passUntil(clock, () => fake.openPolls === 1, 'the next poll');
    fake.kv.txn([
      { Verb: 'delete', Key: 'k/a' },
      { Verb: 'set', Key: 'k/a', Value: 'MQ==', Flags: 7n },
    ]);
    const after = await next(watch);
    expect([told(before), told(after)]).toEqual([['k/a=1'], ['k/a=1']]);
    expect(after).toMatchObject({ puts: [{ created: fake.kv.index, modified: fake.kv.index }] });
  });

  it('asks again when the server stays silent for longer than it was asked to', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const watch = storeOn(fake, {}, clock).watch({ prefix: 'k/' });
    fake.next('poll', 'silence');
    await next(watch);
    await passUntil(clock, () => fake.count('poll') === 1, 'the first poll');
    // Consul itself may take a sixteenth longer.
    await clock.advance(58_437);
    expect(fake.of('poll')[0]?.gone).toBe(false);
    await passUntil(clock, () => fake.count('poll') === 2, 'the second poll', 500);
    expect(clock.now()).toBeLessThan(65_000);
    fake.kv.set('k/a', '1');
    expect(told(await next(watch))).toEqual(['k/a=1']);
  });
});

describe('an unchanged answer (hazard 73)', () => {
  it('gives no batch, whether its index has grown or not', async () => {
    const { fake, clock, watch } = await started();
    let batches = 0;
    const taking = next(watch).then((batch) => {
      batches++;
      return told(batch);
    });
    const polls = fake.count('poll');
    // A prefix under which there is nothing is woken by every write.
    for (let n = 1; n <= 5; n++) {
      fake.kv.set('elsewhere', String(n));
      await passUntil(clock, () => fake.count('poll') === polls + n && fake.openPolls === 1, 'the next poll');
    }
    expect(fake.of('poll').at(-1)?.query.get('index')).toBe(String(fake.kv.index));
    expect(batches).toBe(0);
    fake.kv.set('k/a', '1');
    expect(await taking).toEqual(['k/a=1']);
  });

  const endless: readonly [string, (n: number) => bigint][] = [
    ['the same index each time', () => 10n],
    ['a higher index each time', (n) => 10n + BigInt(n)],
    ['a lower index each time', (n) => 10_000n - BigInt(n)],
    ['an index that goes up and down', (n) => 10n + BigInt(n % 2)],
    ['the index 0', () => 0n],
  ];

  it.each(endless)('that comes at once makes no busy loop: %s (hazards 71, 72 and 74)', async (_, indexAt) => {
    const { fake, clock } = await started();
    let answers = 0;
    const at: number[] = [];
    for (const kind of ['read', 'poll'] as const) {
      fake.on(kind, () => {
        at.push(clock.now());
        return indexHeader({ status: 404 }, indexAt(++answers));
      });
    }
    const from = clock.now();
    fake.kv.jump(11n);
    await passUntil(clock, () => clock.now() >= from + 20_000 && at.length > 50, 'twenty seconds');
    const seconds = (clock.now() - from) / 1_000;
    // A burst of two, then about five each second.
    expect(at.length).toBeLessThanOrEqual(4 + 6 * seconds);
    expect(at.filter((ms) => ms === from).length).toBeLessThanOrEqual(4);
  });
});

describe('a changed answer', () => {
  it('that comes at once, each time, is asked for about a hundred times a second', async () => {
    const { fake, clock, watch } = await started();
    let polls = 0;
    fake.on('poll', (_, plain) => {
      fake.kv.set('k/hot', String(++polls));
      return plain();
    });
    fake.kv.set('k/hot', 'go');
    for (let n = 0; n < 300; n++) await clock.advance(0).then(turns);
    // Without any time: a burst of a hundred.
    expect(polls).toBeGreaterThan(90);
    expect(polls).toBeLessThan(110);
    for (let n = 0; n < 200; n++) await clock.advance(5).then(turns);
    // In a second a hundred more.
    expect(polls).toBeGreaterThan(150);
    expect(polls).toBeLessThan(220);
    fake.on('poll', (_, plain) => plain());
    fake.kv.set('k/hot', 'last');
    for (let last = ''; last !== 'k/hot=last'; ) [last = ''] = await nextWhile(clock, watch);
  });
});

describe('an index that goes back (hazard 71)', () => {
  it('makes the watch start over, and tell the state that is there then', async () => {
    const { fake, clock, watch } = await started();
    fake.kv.jump(1_000n);
    fake.kv.set('k/a', 'before');
    fake.kv.set('k/b', 'before');
    let last = '';
    while (last !== 'k/b=before') last = (await nextWhile(clock, watch)).at(-1) ?? '';
    await passUntil(clock, () => fake.openPolls === 1, 'the next poll');
    const reads = fake.count('read');
    const restored = { key: 'k/b', value: 'YmFja3Vw', flags: 1n, session: '', created: 12n, modified: 12n, locks: 0n };
    fake.kv.restore(20n, [restored]);
    expect(await nextWhile(clock, watch)).toEqual(['snapshot', 'k/b=backup']);
    await passUntil(
      clock,
      () => fake.openPolls === 1 && fake.count('read') > reads,
      'a poll after a read without index',
    );
    expect(fake.of('read').at(-1)?.query.has('index')).toBe(false);
    expect(fake.of('poll').at(-1)?.query.get('index')).toBe('12');
    fake.kv.set('k/c', 'after');
    expect((await nextWhile(clock, watch)).at(-1)).toBe('k/c=after');
  });

  it('is no news when nothing has changed', async () => {
    const { fake, clock, watch } = await started();
    fake.kv.set('k/a', '1');
    fake.kv.set('k/z', '1');
    fake.kv.delete('k/z');
    await nextWhile(clock, watch);
    const index = String(fake.kv.index);
    await passUntil(clock, () => fake.of('poll').at(-1)?.query.get('index') === index, 'a poll');
    const reads = fake.count('read');
    // What Consul remembers of deletes it forgets after a while; the range is then as old as what is left in it.
    fake.kv.restore(fake.kv.index, [...fake.kv.pairs.values()]);
    await passUntil(
      clock,
      () => fake.count('read') > reads && fake.openPolls === 1,
      'a poll after a read without index',
    );
    expect(Number(fake.of('poll').at(-1)?.query.get('index'))).toBeLessThan(Number(index));
    fake.kv.set('k/b', '2');
    expect(await nextWhile(clock, watch)).toEqual(['k/b=2']);
  });

  it('and is hidden by an answer that comes too early, is noticed by asking without it', async () => {
    const { fake, clock, watch } = await started();
    fake.kv.jump(1_000n);
    fake.kv.set('k/a', 'before');
    await nextWhile(clock, watch);
    await passUntil(
      clock,
      () => fake.of('poll').at(-1)?.query.get('index') === '1001' && fake.openPolls === 1,
      'a poll',
    );
    // Consul ends the queries about a state that it throws away with what they have seen of it.
    const [pair] = fake.kv.pairs.values();
    const last = {
      status: 200,
      headers: { 'x-consul-index': '1001' },
      body: `[${pair === undefined ? '' : pairJson(pair)}]`,
    };
    const reads = fake.count('read');
    let restored = false;
    fake.on('poll', (_, plain) => (restored ? plain() : last));
    fake.kv.jump(1_001n);
    await passUntil(clock, () => fake.count('read') > reads, 'a read without index');
    restored = true;
    fake.kv.restore(20n);
    expect(await nextWhile(clock, watch)).toEqual(['snapshot']);
  });

  it('by a poll shows that a backup was restored once something is written', async () => {
    const { fake, clock, store, watch } = await started();
    fake.kv.jump(1_000n);
    fake.kv.set('k/a', '1');
    await nextWhile(clock, watch);
    fake.kv.restore(20n);
    expect(await codeOf(store.commit([], [put('k/b', '')]))).toBe('REVISION_REGRESSED');
    const end = codeOf(
      (async () => {
        for (;;) await next(watch);
      })(),
    );
    expect(await end).toBe('REVISION_REGRESSED');
  });
});

describe('the index that a watch waits on (hazard 72)', () => {
  it('is never 0: that would not wait', async () => {
    const fake = await fakeConsul();
    fake.next('read', { status: 404, headers: { 'x-consul-index': '0' } });
    await next(storeOn(fake).watch({ key: 'k' }));
    await shortly(() => fake.count('poll') > 0, 'a poll');
    expect(fake.of('poll')[0]?.query.get('index')).toBe('1');
  });

  it.each(['', '-1', 'NaN', '1.5', 'abc', '9223372036854775808', '18446744073709551617'])(
    'that is %j in an answer ends this watch and no other with PROTOCOL_ERROR',
    async (index) => {
      const { fake, clock, store, watch } = await started();
      const other = store.watch({ prefix: 'other/' });
      await next(other);
      fake.on('poll', async ({ path }, plain) => {
        const found = await plain();
        return path.endsWith('/k/') ? indexHeader(found, index) : found;
      });
      fake.kv.jump(11n);
      await passUntil(clock, () => fake.of('poll').some(({ query }) => query.get('index') === '11'), 'a later poll');
      const pending = codeOf(next(watch));
      fake.kv.jump(12n);
      expect(await pending).toBe('PROTOCOL_ERROR');
      expect(await codeOf(watch.next())).toBe('PROTOCOL_ERROR');
      await passUntil(clock, () => fake.openPolls === 1, 'the other goes on');
      fake.kv.set('other/a', '1');
      expect(await nextWhile(clock, other)).toEqual(['other/a=1']);
      expect(store.stats.openPolls).toBe(1);
    },
  );

  it('keeps every digit', async () => {
    const fake = await fakeConsul();
    fake.kv.jump(9_007_199_254_740_993n);
    const watch = storeOn(fake).watch({ prefix: 'k/' });
    expect(await next(watch)).toMatchObject({ revision: 9_007_199_254_740_993n });
    await shortly(() => fake.openPolls === 1, 'a poll');
    fake.kv.set('k/a', '1');
    expect(await next(watch)).toMatchObject({ revision: 9_007_199_254_740_994n });
    await shortly(() => fake.count('poll') === 2, 'the next poll');
    expect(fake.of('poll').map(({ query }) => query.get('index'))).toEqual(['9007199254740993', '9007199254740994']);
  });
});

describe('another leader', () => {
  it('makes every query be asked anew, and at once: those that wait at the old one may wait in vain', async () => {
    const { fake, clock, store } = await started();
    fake.on('poll', () => 'silence');
    const watch = store.watch({ prefix: 'frozen/' });
    await next(watch);
    await passUntil(clock, () => fake.leaderQuestions >= 2, 'the leader to be known');
    fake.kv.set('frozen/a', 'after the change');
    const from = fake.leaderQuestions;
    await passUntil(clock, () => fake.leaderQuestions >= from + 4, 'some more looks');
    expect(fake.of('poll').filter(({ range }) => range.text === 'frozen/').length).toBe(1);
    fake.on('poll', (_, plain) => plain());
    fake.leader = '127.0.0.2:8300';
    expect((await nextWhile(clock, watch)).at(-1)).toBe('frozen/a=after the change');
    expect(fake.leaderQuestions).toBeLessThanOrEqual(from + 7);
  });

  it('is not looked for while nothing is watched, nor found where there is none', async () => {
    const { fake, clock, watch } = await started();
    await passUntil(clock, () => fake.openPolls === 1 && fake.leaderQuestions >= 2, 'a query, and the leader known');
    const waiting = fake.count('poll');
    fake.leader = '';
    const from = fake.leaderQuestions;
    await passUntil(clock, () => fake.leaderQuestions >= from + 3, 'a time without a leader');
    fake.leader = '127.0.0.1:8300';
    await passUntil(clock, () => fake.leaderQuestions >= from + 6, 'the same leader again');
    expect(fake.count('poll')).toBe(waiting);
    await watch.return();
    const asked = fake.leaderQuestions;
    const until = clock.now() + 10_000;
    await passUntil(clock, () => clock.now() >= until, 'ten seconds');
    expect(fake.leaderQuestions).toBe(asked);
  });
});

describe('a failure', () => {
  const passing: readonly [string, Reply][] = [
    ['no leader', { status: 500, body: 'No cluster leader' }],
    ['whatever 500', { status: 500, body: 'rpc error making call: EOF' }],
    ['a proxy', { status: 502, body: '<html>' }],
    ['too many requests', { status: 429 }],
    ['too many connections', { status: 429, body: 'Your IP is issuing too many concurrent connections' }],
    ['a closed connection', 'hangup'],
    ['a reset connection', 'reset'],
    ['half an answer', { status: 200, headers: { 'x-consul-index': '99' }, body: '[{"Key":"k/a"', cutAfter: 5 }],
  ];

  it.each(passing)('that passes is got over, however long it lasts, and never in a hurry: %s', async (_, reply) => {
    const { fake, clock, watch } = await started();
    const before = fake.seen.length;
    let failing = true;
    for (const kind of ['read', 'poll'] as const) fake.on(kind, (_, plain) => (failing ? reply : plain()));
    const from = clock.now();
    fake.kv.set('k/a', 'meanwhile');
    await next(watch);
    fake.kv.set('k/b', 'meanwhile');
    await passUntil(clock, () => clock.now() >= from + 60_000 && fake.seen.length > before + 20, 'a minute', 200);
    const attempts = fake.seen.length - before;
    expect(attempts).toBeLessThan(5 + (clock.now() - from) / 400);
    failing = false;
    expect((await nextWhile(clock, watch)).at(-1)).toBe('k/b=meanwhile');
  });

  it.each<[string, Answer, string]>([
    ['it is not permitted', { status: 403, body: 'Permission denied' }, 'PERMISSION_DENIED'],
    ['it lacks a permission', { status: 403, body: "lacks permission 'key:read'" }, 'PERMISSION_DENIED'],
    [
      'something was kept back',
      { status: 404, headers: { 'x-consul-index': '12', 'x-consul-results-filtered-by-acls': 'true' } },
      'PERMISSION_DENIED',
    ],
    ['the token is not known', { status: 403, body: 'ACL not found' }, 'UNAUTHENTICATED'],
    ['it leads elsewhere', { status: 301, headers: { location: '/elsewhere' } }, 'PROTOCOL_ERROR'],
    ['it is no Consul', { status: 200, headers: { 'x-consul-index': '12' }, body: 'It works!' }, 'PROTOCOL_ERROR'],
  ])('that lasts ends the watch: %s', async (_, reply, code) => {
    const { fake, clock, store, watch } = await started();
    fake.on('read', () => reply);
    fake.on('poll', () => reply);
    const pending = codeOf(next(watch));
    fake.kv.set('elsewhere', '');
    await passUntil(clock, () => store.stats.openPolls === 0, 'the end of the watch');
    expect(await pending).toBe(code);
    const after = fake.seen.length;
    await clock.advance(10_000);
    expect(await codeOf(watch.next())).toBe(code);
    expect([fake.seen.length, clock.pending]).toEqual([after, 0]);
  });

  it('that asks for a pause of some seconds gets it (hazard 81)', async () => {
    const { fake, clock, watch } = await started();
    fake.next('poll', { status: 429, headers: { 'retry-after': '3' }, body: 'rate limit exceeded' });
    fake.kv.set('k/a', '1');
    expect(told(await next(watch))).toEqual(['k/a=1']);
    await passUntil(clock, () => fake.count('poll') === 2, 'the poll that is turned away', 5);
    const from = clock.now();
    await passUntil(clock, () => fake.count('poll') === 3, 'the next poll', 20);
    expect(clock.now() - from).toBeGreaterThan(2_900);
    expect(clock.now() - from).toBeLessThan(6_000);
  });

  it('for as long as the server is gone is got over, and what the next one has is told', async () => {
    const { fake, clock, watch } = await started();
    fake.kv.set('k/a', 'before');
    expect(told(await next(watch))).toEqual(['k/a=before']);
    await passUntil(clock, () => fake.openPolls === 1, 'the next poll');
    fake.stop();
    const from = clock.now();
    await passUntil(clock, () => clock.now() > from + 30_000, 'half a minute', 200);
    const port = Number(new URL(fake.address).port);
    const back = await fakeConsul({ port });
    back.kv.jump(50n);
    back.kv.set('k/b', 'after');
    expect((await nextWhile(clock, watch)).sort()).toEqual(['-k/a', 'k/b=after']);
  });

  it('of one poll leaves the others alone, however often it fails', async () => {
    const { fake, clock, store } = await started();
    const quiet = Array.from({ length: 5 }, (_, n) => store.watch({ prefix: `quiet/${n}/` }));
    for (const each of quiet) await next(each);
    await passUntil(clock, () => fake.openPolls === 6, 'six polls');
    fake.on('poll', ({ range }, plain) => (range.text === 'k/' ? 'hangup' : plain()));
    fake.kv.set('k/a', '1');
    const polls = (): number => fake.of('poll').filter(({ range }) => range.text !== 'k/').length;
    const [before, from] = [polls(), clock.now()];
    for (let n = 0; n < 20; n++) {
      await store.read({ key: 'elsewhere' });
      await passUntil(clock, () => clock.now() >= from + n * 1_000, 'a second');
    }
    // A write to keys that are not there wakes each of them once.
    expect(polls() - before).toBeLessThanOrEqual(3 * quiet.length);
  });

  it('of a call makes polls be asked again once another is answered, since their connections may be dead', async () => {
    const { fake, clock, store } = await started();
    fake.next('read', 'reset');
    await clock.advance(1_000);
    const [polls, from] = [fake.count('poll'), clock.now()];
    const reading = store.read({ key: 'elsewhere' });
    await passUntil(clock, () => fake.count('poll') > polls && fake.openPolls === 1, 'another poll', 5);
    expect((await reading).entries).toEqual([]);
    expect(clock.now() - from).toBeLessThan(5_000);
    expect(fake.of('poll').at(-2)?.gone).toBe(true);
  });

  it('before the first batch is got over in the same way', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const noLeader = { status: 500, body: 'No cluster leader' };
    fake.next('read', ...Array.from({ length: 12 }, () => noLeader));
    const watch = storeOn(fake, { retry: { attempts: 1 } }, clock).watch({ prefix: 'k/' });
    expect(await nextWhile(clock, watch)).toEqual(['snapshot']);
    expect(fake.count('read')).toBe(13);
  });
});

describe('one connection', () => {
  it('serves all watches of a range, each of which begins with its own snapshot (hazard 81)', async () => {
    const { fake, clock, store, watch } = await started();
    fake.kv.set('k/a', '1');
    expect(told(await next(watch))).toEqual(['k/a=1']);
    const others = Array.from({ length: 50 }, () => store.watch({ prefix: '/k/' }));
    for (const other of others) expect(told(await next(other))).toEqual(['snapshot', '/k/a=1']);
    await passUntil(clock, () => fake.openPolls === 1, 'one poll');
    expect(store.stats.openPolls).toBe(1);
    fake.kv.set('k/b', '2');
    for (const other of others) expect(told(await next(other))).toEqual(['/k/b=2']);
    expect(told(await next(watch))).toEqual(['k/b=2']);
    await watch.return();
    for (const other of others.slice(1)) await other.return();
    await passUntil(clock, () => fake.openPolls === 1, 'the poll of the last one');
    fake.kv.set('k/c', '3');
    expect(told(await next(others[0] as Watch))).toEqual(['/k/c=3']);
  });

  it('is had by each range of its own, as long as there are that many; then ranges share', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake, { connections: { watches: 3 } });
    const ranges = Array.from({ length: 20 }, (_, n) => ({ key: `app/${n % 4}/${n}` }));
    const watches = ranges.map((range) => store.watch(range));
    for (const watch of watches) expect(told(await next(watch))).toEqual(['snapshot']);
    await shortly(() => fake.openPolls >= 1 && fake.openPolls <= 3, 'no more than three polls');
    expect(store.stats.openPolls).toBeLessThanOrEqual(3);
    for (const [n, { key }] of ranges.entries()) fake.kv.set(key, String(n));
    for (const [n, watch] of watches.entries()) expect(told(await next(watch))).toEqual([`app/${n % 4}/${n}=${n}`]);
    expect(fake.openPolls).toBeLessThanOrEqual(3);
    for (const watch of watches) await watch.return();
    await shortly(() => fake.openPolls === 0 && store.stats.openPolls === 0, 'no poll is left');
  });

  it('is not shared by what only begins alike', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const watches = [{ key: 'k' }, { key: 'k/' }, { prefix: 'k/' }, { key: 'kk' }].map((range) => store.watch(range));
    for (const watch of watches) await next(watch);
    await shortly(() => fake.openPolls > 0, 'polls');
    fake.kv.txn(['k', 'k/', 'k/x', 'kk'].map((Key) => ({ Verb: 'set', Key, Value: '' })));
    const batches = await Promise.all(watches.map(next));
    expect(batches.map(told)).toEqual([['k='], ['k/='], ['k/=', 'k/x='], ['kk=']]);
  });
});

describe('the end of a watch', () => {
  it.each<[string, (watch: Watch, controller: AbortController) => unknown]>([
    ['an abort', (_, controller) => controller.abort(new Error('enough'))],
    ['return', (watch) => watch.return()],
  ])('by %s closes its request at once, and leaves no timer and no listener', async (_, end) => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const store = storeOn(fake, {}, clock);
    const controller = new AbortController();
    const listeners = listenersOf(controller.signal);
    const watch = store.watch({ prefix: 'k/' }, { signal: controller.signal });
    await next(watch);
    await passUntil(clock, () => fake.openPolls === 1, 'a poll');
    const pending = watch.next().catch((error: unknown) => error);
    await end(watch, controller);
    expect(await pending).toEqual(controller.signal.aborted ? controller.signal.reason : { done: true });
    await shortly(() => fake.of('poll')[0]?.gone === true && fake.openPolls === 0, 'the request is closed');
    expect([clock.pending, listeners.size, store.stats.openPolls]).toEqual([0, 0, 0]);
    expect((await store.read({ key: 'k' })).entries).toEqual([]);
  });

  it('while it waits to ask again leaves no timer either', async () => {
    const { fake, clock, store, watch } = await started();
    fake.on('poll', () => ({ status: 500 }));
    fake.kv.set('k/a', '');
    await next(watch);
    await passUntil(clock, () => clock.pending > 0 && fake.openPolls === 0, 'a back-off');
    await watch.return();
    await shortly(() => clock.pending === 0, 'no timer is left');
    expect(store.stats.openPolls).toBe(0);
  });

  it('before its first answer closes its request too', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    fake.on('read', () => 'silence');
    const controller = new AbortController();
    const watch = storeOn(fake, {}, clock).watch({ key: 'k' }, { signal: controller.signal });
    await shortly(() => fake.count('read') === 1, 'a request');
    controller.abort(new Error('enough'));
    await expect(watch.next()).rejects.toBe(controller.signal.reason);
    await shortly(() => fake.of('read')[0]?.gone === true, 'the request is closed');
    expect(clock.pending).toBe(0);
  });

  it('by its timeout, without a first batch, leaves nothing open', async () => {
    const fake = await fakeConsul();
    fake.on('read', () => 'silence');
    const clock = new VirtualClock();
    const store = storeOn(fake, {}, clock);
    const first = codeOf(store.watch({ key: 'k' }, { timeoutMs: 1_000 }).next());
    expect(await passFor(clock, first, 'the end')).toBe('TIMEOUT');
    await shortly(() => fake.of('read')[0]?.gone === true, 'the request is closed');
    expect(store.stats.openPolls).toBe(0);
  });
});
