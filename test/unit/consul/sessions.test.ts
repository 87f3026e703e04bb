import { describe, expect, it } from 'vitest';
import { absent, held, put, remove } from '../../../src/core/store.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import type { ConsulOptions } from '../../../src/transport/consul/options.js';
import { codeOf, failureOf } from '../../rejections.js';
import type { FakeConsul } from './fake-consul.js';
import { fakeConsul, next, passFor, passUntil, shortly, storeOn, tidyUp, told } from './tools.js';

tidyUp();

/** What was asked for by the last grant. */
function lastGrant(fake: FakeConsul): Record<string, unknown> {
  return JSON.parse(fake.of('grant').at(-1)?.body ?? '{}') as Record<string, unknown>;
}

/** A session of somebody else, on the server. */
const foreign = (fake: FakeConsul, hasLockDelay = false): string => {
  return fake.kv.open({ ttl: '15s', behavior: 'release', hasLockDelay });
};

/** Makes somebody else lock a key, with these flags. */
function lockBy(fake: FakeConsul, session: string, key: string, flags = 0n): void {
  const done = fake.kv.txn([{ Verb: 'lock', Key: key, Value: 'dGhlaXJz', Flags: flags, Session: session }]);
  expect(done).toHaveProperty('results');
}

/** Go's way to write a time. */
const milliseconds = (text: unknown): number => {
  const [, count, unit] = /^(\d+)(ms|s)$/.exec(String(text)) ?? [];
  return Number(count) * (unit === 's' ? 1_000 : 1);
};

describe('a grant', () => {
  it('asks for a session that ends only by its time to live, deletes its keys and has no lock-delay', async () => {
    const fake = await fakeConsul();
    const lease = await storeOn(fake).grant(12_345);
    expect([...fake.kv.sessions.keys()]).toEqual([lease.id]);
    expect(lease.ttlMs).toBe(12_345);
    const { TTL, LockDelay, ...rest } = lastGrant(fake);
    expect([milliseconds(TTL), milliseconds(LockDelay)]).toEqual([12_345, 0]);
    // Hazard 78: without a list of checks Consul would add serfHealth, and end the session with its agent.
    expect(rest).toMatchObject({ Behavior: 'delete', NodeChecks: [], Checks: [] });
    expect(rest['Name']).toMatch(/./);
  });

  it('asks for the lock-delay and the checks that were set', async () => {
    const fake = await fakeConsul();
    await storeOn(fake, { session: { lockDelayMs: 1_500, checks: ['serfHealth', 'disk'] } }).grant(10_000);
    const { LockDelay, NodeChecks } = lastGrant(fake);
    expect([milliseconds(LockDelay), NodeChecks]).toEqual([1_500, ['serfHealth', 'disk']]);
  });

  it('of no whole number of milliseconds is for the next whole one', async () => {
    const fake = await fakeConsul();
    expect((await storeOn(fake).grant(10_000.25)).ttlMs).toBe(10_001);
    expect(milliseconds(lastGrant(fake)['TTL'])).toBe(10_001);
  });

  it.each<[number, Partial<ConsulOptions>]>([
    [9_999, {}],
    [86_400_001, {}],
    [999, { session: { minTtlMs: 1_000 } }],
    [Number.NaN, {}],
  ])('of %d ms is refused with INVALID_TTL, before anything is sent (hazard 76)', async (ttlMs, options) => {
    const fake = await fakeConsul();
    expect(await codeOf(storeOn(fake, options).grant(ttlMs))).toBe('INVALID_TTL');
    expect(fake.seen).toEqual([]);
  });

  it('is told to contenders to last for up to twice its time to live (hazard 76)', async () => {
    const { traits } = storeOn(await fakeConsul(), { session: { minTtlMs: 1_000 } });
    expect(traits).toMatchObject({ ttlFactor: 2, minTtlMs: 1_000, maxTtlMs: 86_400_000, exactHeld: true });
    expect(storeOn(await fakeConsul()).traits.minTtlMs).toBe(10_000);
  });

  it('that the servers find too short, since they are set up otherwise, is INVALID_TTL', async () => {
    const fake = await fakeConsul();
    const body = "Invalid Session TTL '1000000000', must be between [10s=24h0m0s]";
    fake.on('grant', () => ({ status: 500, body }));
    expect(await codeOf(storeOn(fake, { session: { minTtlMs: 1_000 } }).grant(1_000))).toBe('INVALID_TTL');
    expect(fake.count('grant')).toBe(1);
  });
});

describe('a renewal', () => {
  it.each([
    ['10s', 10_000],
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['24h0m0s', 86_400_000],
    ['10500ms', 10_500],
    ['10.5s', 10_500],
  ])('tells the time to live that the server says, %s (hazard 9)', async (ttl, ttlMs) => {
    const fake = await fakeConsul();
    const id = fake.kv.open({ ttl, behavior: 'delete', hasLockDelay: false });
    expect(await storeOn(fake).renew(id)).toEqual({ id, ttlMs });
  });

  it('of a session that has ended is LEASE_NOT_FOUND, which names it, and is not repeated', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    fake.kv.end(id);
    expect(await failureOf(store.renew(id))).toMatchObject({ code: 'LEASE_NOT_FOUND', lease: id, retryable: false });
    expect(fake.count('renew')).toBe(1);
  });

  it('of what is no session at all is LEASE_NOT_FOUND', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const body = 'failed session lookup: index error: UUID must be 36 characters';
    for (const kind of ['renew', 'revoke'] as const) fake.on(kind, () => ({ status: 500, body }));
    expect(await codeOf(store.renew('1'))).toBe('LEASE_NOT_FOUND');
    await store.revoke('1');
  });

  it('goes on while the servers have no leader, until its time is over (hazard 79)', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake, { retry: { attempts: 1_000, baseMs: 5, capMs: 5 } });
    const { id } = await store.grant(10_000);
    const noLeader = { status: 500, body: 'No cluster leader' };
    fake.next('renew', noLeader, noLeader, noLeader, 'hangup', { status: 500, body: 'leadership lost' }, 'reset');
    expect((await store.renew(id)).ttlMs).toBe(10_000);
    expect(fake.count('renew')).toBe(7);
  });

  it('does not wait behind calls that the server is slow to answer', async () => {
    const fake = await fakeConsul();
    for (const kind of ['read', 'txn', 'poll'] as const) fake.on(kind, () => 'silence');
    const store = storeOn(fake, { connections: { calls: 1, watches: 1 } });
    const controller = new AbortController();
    const { signal } = controller;
    const { id } = await store.grant(10_000);
    const calls = [store.read({ key: 'k' }, { signal }), store.commit([], [put('k', '')], { signal })];
    const slow = Promise.allSettled([...calls, store.watch({ key: 'k' }, { signal }).next()]);
    await shortly(() => fake.count('read') > 0, 'a slow call');
    expect((await store.renew(id)).id).toBe(id);
    controller.abort(new Error('enough'));
    await slow;
  });

  it.each(['a/b', '../../kv/x', 'a b', 'a?x=1', 'a#b', 'a\nb', '\u00e4', '%2e%2e'])(
    'puts whatever it is about into the path as one piece: %j',
    async (lease) => {
      const fake = await fakeConsul();
      fake.on('renew', () => ({ status: 404, body: "Session id 'that' not found" }));
      fake.on('revoke', () => ({ status: 200, body: 'true' }));
      const store = storeOn(fake);
      expect(await codeOf(store.renew(lease))).toBe('LEASE_NOT_FOUND');
      await store.revoke(lease);
      const paths = fake.seen.map(({ path }) => decodeURIComponent(path));
      expect(paths).toEqual([`/v1/session/renew/${lease}`, `/v1/session/destroy/${lease}`]);
      expect(fake.seen.map(({ path, query }) => [path.split('/').length, [...query.keys()]])).toEqual([
        [5, []],
        [5, []],
      ]);
    },
  );
});

describe('a revocation', () => {
  it('ends the session with its keys, and is content with one that has ended', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    await store.commit([], [put('a', '', id), put('b', '')]);
    await store.revoke(id);
    expect([...fake.kv.pairs.keys()]).toEqual(['b']);
    await store.revoke(id);
    fake.on('revoke', () => ({ status: 404, body: `Session id '${id}' not found` }));
    await store.revoke(id);
  });
});

describe('a put with a lease', () => {
  it('that has ended is LEASE_NOT_FOUND, and nothing is applied', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    await store.revoke(id);
    expect(await codeOf(store.commit([], [put('a', ''), put('b', '', id)]))).toBe('LEASE_NOT_FOUND');
    expect(await codeOf(store.commit([], [put('a', ''), put('b', '', 'no session')]))).toBe('LEASE_NOT_FOUND');
    expect(fake.kv.pairs.size).toBe(0);
    expect(fake.count('txn')).toBe(2);
  });

  it('takes a key over from another session, in the transaction that puts it', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const other = foreign(fake);
    lockBy(fake, other, 'k');
    const { id } = await store.grant(10_000);
    const { ok, revision } = await store.commit([], [put('l', 'beside'), put('k', 'mine', id)]);
    expect([ok, revision]).toEqual([true, fake.kv.index]);
    expect(fake.kv.pairs.get('k')).toMatchObject({ session: id, modified: revision, value: 'bWluZQ==' });
    expect(
      fake
        .of('txn')
        .at(-1)
        ?.ops.map(({ Verb }) => Verb),
    ).toEqual(expect.arrayContaining(['unlock', 'lock']));
    expect(fake.count('txn')).toBe(2);
  });

  it('takes a key over whatever its name is', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    for (const key of ['due to lock delay', 'invalid session', 'rate limit', '//x', '\u{1f600}']) {
      lockBy(fake, foreign(fake), key.replace(/^\//, ''));
      expect((await store.commit([], [put(key, 'mine', id)])).ok).toBe(true);
    }
  });

  it('takes a key over again when it has gone to yet another session in the meantime', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const [one, two] = [foreign(fake), foreign(fake)];
    lockBy(fake, one, 'k');
    fake.next('read', async (_, plain) => {
      const found = await plain();
      fake.kv.end(one);
      lockBy(fake, two, 'k');
      return found;
    });
    const { id } = await store.grant(10_000);
    expect((await store.commit([], [put('k', 'mine', id)])).ok).toBe(true);
    expect(fake.kv.pairs.get('k')?.session).toBe(id);
  });

  it('takes a key that was let go in the meantime', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const other = foreign(fake);
    lockBy(fake, other, 'k');
    fake.next('read', (_, plain) => {
      fake.kv.end(other);
      return plain();
    });
    const { id } = await store.grant(10_000);
    expect((await store.commit([], [put('k', 'mine', id)])).ok).toBe(true);
    expect(fake.kv.pairs.get('k')?.session).toBe(id);
  });

  it('gives up, with nothing applied, on a key that goes from session to session all the time', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    let holder = foreign(fake);
    lockBy(fake, holder, 'k');
    fake.on('read', async (_, plain) => {
      const found = await plain();
      fake.kv.end(holder);
      holder = foreign(fake);
      lockBy(fake, holder, 'k');
      return found;
    });
    const { id } = await store.grant(10_000);
    const error = await failureOf(store.commit([], [put('l', ''), put('k', 'mine', id)]));
    expect(error).toMatchObject({ code: expect.stringMatching(/^(?:UNAVAILABLE|TIMEOUT)$/), retryable: true });
    expect(fake.kv.pairs.has('l')).toBe(false);
    expect(fake.count('txn')).toBeLessThan(50);
  });
});

describe('a put without a lease', () => {
  it('takes a key off the session that holds it, and the key outlives that', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    await store.commit([], [put('k', 'held', id)]);
    const { revision } = await store.commit([], [put('k', 'free')]);
    expect(fake.kv.pairs.get('k')).toMatchObject({ session: '', modified: revision });
    await store.revoke(id);
    expect(fake.kv.pairs.has('k')).toBe(true);
  });
});

describe("a key of Consul's own lock or semaphore (hazard 83)", () => {
  it.each([
    ['lock', 3_304_740_253_564_472_344n],
    ['semaphore', 16_210_313_421_097_356_768n],
  ])('that is held is not taken from the %s: it would not notice', async (_, flags) => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const other = foreign(fake);
    lockBy(fake, other, 'app/.lock', flags);
    const { id } = await store.grant(10_000);
    const refusal = { code: 'REFUSED_BY_STORE', problem: 'foreign-lock', retryable: false };
    expect(await failureOf(store.commit([], [put('app/.lock', 'x', id)]))).toMatchObject(refusal);
    expect(await failureOf(store.commit([], [put('/app/.lock', 'x'), put('y', '')]))).toMatchObject(refusal);
    expect(fake.kv.pairs.get('app/.lock')).toMatchObject({ session: other, flags, value: 'dGhlaXJz' });
    expect(fake.kv.pairs.has('y')).toBe(false);
  });

  it.each([3_304_740_253_564_472_345n, 3_304_740_253_564_472_300n, 16_210_313_421_097_356_800n])(
    'is told from one of other flags by every digit: %d',
    async (flags) => {
      const fake = await fakeConsul();
      const store = storeOn(fake);
      lockBy(fake, foreign(fake), 'k', flags);
      const { id } = await store.grant(10_000);
      expect((await store.commit([], [put('k', 'mine', id)])).ok).toBe(true);
    },
  );
});

describe('a lock-delay (hazard 77)', () => {
  /** A store on a virtual clock, at a server that delays the locking of `k`. */
  async function delayed() {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const store = storeOn(fake, {}, clock);
    const { id } = await store.grant(10_000);
    fake.kv.delayed.add('k');
    return { fake, clock, store, id };
  }

  it('is waited for, at a few attempts each second, and then the commit is made', async () => {
    const { fake, clock, store, id } = await delayed();
    const outcome = store.commit([], [put('k', 'mine', id), put('l', '')], { timeoutMs: 30_000 });
    await passUntil(clock, () => clock.now() >= 10_000, 'ten seconds');
    expect(fake.count('txn')).toBeGreaterThan(2);
    expect(fake.count('txn')).toBeLessThan(40);
    expect(fake.kv.pairs.size).toBe(0);
    fake.kv.delayed.clear();
    await passUntil(clock, () => fake.kv.pairs.has('k'), 'the commit');
    expect(await outcome).toMatchObject({ ok: true, revision: fake.kv.index });
    expect(fake.kv.pairs.get('k')?.session).toBe(id);
  });

  it('that outlasts the call is TIMEOUT: nothing was applied', async () => {
    const { fake, clock, store, id } = await delayed();
    const outcome = failureOf(store.commit([absent('k')], [put('k', 'mine', id)], { timeoutMs: 3_000 }));
    const error = await passFor(clock, outcome, 'the end of the call');
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true, key: 'k' });
    expect(clock.now()).toBeLessThanOrEqual(3_100);
    expect([fake.kv.pairs.size, clock.pending]).toEqual([0, 0]);
  });

  it('is not waited for when a guard does not hold: that is told at once, with the otherwise reads', async () => {
    const { fake, clock, store, id } = await delayed();
    fake.kv.set('k', 'theirs');
    const otherwise = [{ key: 'k' }];
    const { ok, reads } = await store.commit([absent('k')], [put('k', 'mine', id)], { otherwise });
    expect([ok, reads.length, clock.now()]).toEqual([false, 1, 0]);
    expect((await store.commit([held('k', 1n, id)], [put('k', 'mine', id)])).ok).toBe(false);
    expect(clock.now()).toBe(0);
  });

  it('is not waited for any longer when the call is aborted', async () => {
    const { fake, clock, store, id } = await delayed();
    const controller = new AbortController();
    const reason = new Error('no need');
    const outcome = store.commit([], [put('k', 'mine', id)], { signal: controller.signal });
    await shortly(() => fake.count('txn') === 1 && clock.pending === 1, 'a wait');
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });
});

describe('a key that is only held because everybody keeps to it (hazard 84)', () => {
  it('shows its holder that somebody has deleted or overwritten it', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    const { revision } = await store.commit([absent('k')], [put('k', 'mine', id)]);
    const watch = store.watch({ key: 'k' });
    expect(await next(watch)).toMatchObject({ entries: [{ lease: id, created: revision }] });
    fake.kv.set('k', 'overwritten by hand');
    const [overwritten] = [await next(watch)];
    expect(told(overwritten)).toEqual(['k=overwritten by hand']);
    fake.kv.txn([{ Verb: 'unlock', Key: 'k', Value: '', Session: id }]);
    const unlocked = await next(watch);
    expect(unlocked).toMatchObject({ puts: [{ key: 'k' }] });
    expect(unlocked.kind === 'changes' && unlocked.puts[0]?.lease).toBe(undefined);
    expect((await store.commit([held('k', revision, id)], [put('l', '')])).ok).toBe(false);
    fake.kv.delete('k');
    expect(told(await next(watch))).toEqual(['-k']);
    expect((await store.commit([held('k', revision, id)], [remove('l')])).ok).toBe(false);
  });
});
