import { describe, expect, it } from 'vitest';
import type { LeaseKeepAliveRequest } from '../../../src/transport/etcd/codec/etcd.js';
import { fromBigint, fromNumber } from '../../../src/transport/etcd/int64.js';
import { codeOf } from '../../rejections.js';
import { waitFor } from '../../servers/wait.js';
import type { LeaseStream } from './fake-etcd.js';
import { fakeEtcd, storeOn, tidyUp } from './tools.js';

tidyUp();

const got = ({ requests }: LeaseStream, count: number): Promise<unknown> => {
  return waitFor(() => requests.length >= count, { timeoutMs: 5_000, intervalMs: 2, what: `${count} requests` });
};

describe('a renewal', () => {
  it('is LEASE_NOT_FOUND when the answer has no time to live', async () => {
    const fake = await fakeEtcd();
    fake.onKeepAlive = ({ ID }, stream) => stream.send({ header: fake.header(), ID, TTL: fromNumber(0) });
    expect(await codeOf(storeOn(fake.endpoint).renew('7abc'))).toBe('LEASE_NOT_FOUND');
  });

  it('is never taken for answered by the late answer to an earlier one', async () => {
    const fake = await fakeEtcd();
    fake.onKeepAlive = () => {};
    const store = storeOn(fake.endpoint);
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = store.renew('7abc', { signal: controller.signal });
    const stream = await fake.leaseStream();
    await got(stream, 1);
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    let settled = false;
    const second = store.renew('7abc').finally(() => {
      settled = true;
    });
    await got(stream, 2);
    const answer = (seconds: number): object => {
      return { header: fake.header(), ID: fromBigint(0x7abcn), TTL: fromNumber(seconds) };
    };
    stream.send(answer(1));
    // A third one shows that the late answer has arrived: it is behind it on the same stream.
    const third = store.renew('1');
    await got(stream, 3);
    expect(settled).toBe(false);
    stream.send(answer(9));
    stream.send({ header: fake.header(), ID: fromBigint(1n), TTL: fromNumber(4) });
    expect(await second).toEqual({ id: '7abc', ttlMs: 9_000 });
    expect(await third).toEqual({ id: '1', ttlMs: 4_000 });
  });

  it('is sent again elsewhere when the stream falls silent', async () => {
    const [silent, good] = [await fakeEtcd(), await fakeEtcd()];
    silent.onKeepAlive = () => {};
    const store = storeOn([silent.endpoint, good.endpoint], { timeouts: { attemptMs: 50 } });
    expect(await store.renew('7abc')).toEqual({ id: '7abc', ttlMs: 5_000 });
    expect(good.leaseStreams.length).toBe(1);
    expect(store.stats).toMatchObject({ renewals: 2, streamsOpened: 2, openStreams: 1 });
  });

  it('rejects with TIMEOUT when nobody answers in its time', async () => {
    const fake = await fakeEtcd();
    fake.onKeepAlive = () => {};
    expect(await codeOf(storeOn(fake.endpoint).renew('7abc', { timeoutMs: 60 }))).toBe('TIMEOUT');
  });

  it('is not settled by an answer for another lease: the stream is given up', async () => {
    const fake = await fakeEtcd();
    let answers = 0;
    fake.onKeepAlive = ({ ID }: LeaseKeepAliveRequest, stream) => {
      const wrong = answers++ === 0;
      stream.send({ header: fake.header(), ID: wrong ? fromBigint(5n) : ID, TTL: fromNumber(wrong ? 99 : 5) });
    };
    expect(await storeOn(fake.endpoint).renew('7abc')).toEqual({ id: '7abc', ttlMs: 5_000 });
    expect(fake.leaseStreams.length).toBe(2);
  });

  it('shares one stream with all others, and ids keep all of their 63 bits', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint);
    const ids = ['694d7fffffffffff', '7fffffffffffffff', '1', '20000000000001', '80000000'];
    const leases = await Promise.all(ids.map((id) => store.renew(id)));
    expect(leases.map(({ id }) => id)).toEqual(ids);
    expect(store.stats).toMatchObject({ renewals: 5, streamsOpened: 1 });
  });

  it('survives the end of its stream', async () => {
    const fake = await fakeEtcd();
    let streams = 0;
    fake.onKeepAlive = ({ ID }, stream) => {
      if (streams++ === 0) stream.end();
      else stream.send({ header: fake.header(), ID, TTL: fromNumber(5) });
    };
    expect((await storeOn(fake.endpoint).renew('7abc')).ttlMs).toBe(5_000);
  });
});
