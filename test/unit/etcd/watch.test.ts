import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { Batch, Watch } from '../../../src/core/store.js';
import type { WatchRequest } from '../../../src/transport/etcd/codec/etcd.js';
import { fromBigint, fromNumber, toBigint } from '../../../src/transport/etcd/int64.js';
import type { EtcdStore } from '../../../src/transport/etcd/store.js';
import { codeOf } from '../../rejections.js';
import { waitFor } from '../../servers/wait.js';
import { change, type FakeEtcd, type WatchStream } from './fake-etcd.js';
import { fakeEtcd, storeOn, tidyUp } from './tools.js';

tidyUp();

const shortly = (condition: () => unknown, what: string): Promise<unknown> => {
  return waitFor(condition, { timeoutMs: 5_000, intervalMs: 2, what });
};

const creates = ({ requests }: WatchStream): WatchRequest[] => requests.filter((each) => each.createRequest);
const cancels = ({ requests }: WatchStream): WatchRequest[] => requests.filter((each) => each.cancelRequest);
const startOf = (request: WatchRequest | undefined): bigint =>
  toBigint(request?.createRequest?.startRevision ?? fromNumber(0));
const idOf = (stream: WatchStream, n = 0): object => creates(stream)[n]?.createRequest?.watchId as object;

async function next(watch: Watch): Promise<Batch> {
  const { done, value } = await watch.next();
  if (done) throw new Error('the watch is done');
  return value;
}

interface Started {
  readonly fake: FakeEtcd;
  readonly store: EtcdStore;
  readonly watch: Watch;
  readonly stream: WatchStream;
  say(events: object[], more?: object): void;
}

/** A watch of the prefix `k/` that has delivered its snapshot, at revision 10. */
async function started(): Promise<Started> {
  const fake = await fakeEtcd();
  const store = storeOn(fake.endpoint, { retry: { baseMs: 1 } });
  const watch = store.watch({ prefix: 'k/' });
  expect(await next(watch)).toEqual({ kind: 'snapshot', revision: 10n, entries: [] });
  const stream = await fake.watchStream();
  const say = (events: object[], more: object = {}): void => {
    stream.send(fake.event({ watchId: idOf(stream), events, ...more }));
  };
  return { fake, store, watch, stream, say };
}

const puts = (batch: Batch): string[] => {
  return batch.kind === 'changes' ? batch.puts.map(({ key, value }) => `${key}=${Buffer.from(value)}`) : [batch.kind];
};

describe('a watch', () => {
  it('asks for now, with the leader demanded, and reads only once the server watches', async () => {
    const fake = await fakeEtcd();
    const held: (() => void)[] = [];
    fake.onWatch = (request, stream) => held.push(() => stream.send(fake.created(request)));
    const watch = storeOn(fake.endpoint).watch({ prefix: 'k/' });
    const first = next(watch);
    await shortly(() => held.length === 1, 'a request');
    expect(fake.count('Range')).toBe(0);
    held[0]?.();
    expect((await first).kind).toBe('snapshot');
    const stream = await fake.watchStream();
    expect(stream.hasLeader).toBe(true);
    expect(startOf(stream.requests[0])).toBe(0n);
  });

  it('delivers the changes that come between its start and its snapshot', async () => {
    const fake = await fakeEtcd();
    let answer = (): void => {};
    fake.onWatch = (request, stream) => {
      stream.send(fake.created(request));
      stream.send(fake.event({ watchId: request.createRequest?.watchId, events: [change('k/a', 11n, 'x')] }));
    };
    fake.on('Range', () => {
      answer();
      return {};
    });
    const watch = storeOn(fake.endpoint).watch({ prefix: 'k/' });
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    expect((await next(watch)).kind).toBe('snapshot');
    expect(puts(await next(watch))).toEqual(['k/a=x']);
  });

  it('never sees what is said of an unknown id, which is cancelled', async () => {
    const { fake, watch, stream, say } = await started();
    stream.send(fake.event({ watchId: fromNumber(77), events: [change('k/a', 11n, 'foreign')] }));
    await shortly(() => cancels(stream).length === 1, 'a cancel');
    expect(toBigint(cancels(stream)[0]?.cancelRequest?.watchId as never)).toBe(77n);
    say([change('k/a', 12n, 'own')]);
    expect(puts(await next(watch))).toEqual(['k/a=own']);
  });

  it('drops repeated changes, and changes from the past', async () => {
    const { watch, say } = await started();
    say([change('k/a', 11n, 'one')]);
    say([change('k/a', 11n, 'one')]);
    say([change('k/a', 9n, 'past')]);
    say([change('k/a', 11n, 'one'), change('k/b', 12n, 'two')]);
    expect(puts(await next(watch))).toEqual(['k/a=one']);
    expect(puts(await next(watch))).toEqual(['k/b=two']);
  });

  it('puts fragments together, so that a revision is one batch', async () => {
    const { watch, say } = await started();
    say([change('k/a', 11n, 'a')], { fragment: true });
    say([change('k/b', 11n, 'b')], { fragment: true });
    say([change('k/c', 11n)]);
    const batch = await next(watch);
    expect(batch).toMatchObject({ kind: 'changes', revision: 11n, deletes: ['k/c'] });
    expect(puts(batch)).toEqual(['k/a=a', 'k/b=b']);
  });

  it('takes a new snapshot when the server splits a revision over two messages', async () => {
    const { fake, watch, say } = await started();
    say([change('k/a', 11n, 'a')]);
    expect(puts(await next(watch))).toEqual(['k/a=a']);
    fake.revision = 11n;
    say([change('k/b', 11n, 'b')]);
    expect(await next(watch)).toMatchObject({ kind: 'snapshot', revision: 11n });
  });

  it('delivers a change below a progress message that came too early, and does not resume after it', async () => {
    const { fake, watch, stream, say } = await started();
    fake.revision = 15n;
    say([]);
    say([change('k/a', 13n, 'late')]);
    expect(puts(await next(watch))).toEqual(['k/a=late']);
    stream.fail(status.UNAVAILABLE, 'gone');
    const second = await fake.watchStream(1);
    await shortly(() => creates(second).length === 1, 'a new request');
    expect(startOf(creates(second)[0])).toBe(14n);
  });

  it('resumes after the progress it was told of, so that compaction cannot hurt an idle watch', async () => {
    const { fake, stream, say, watch } = await started();
    fake.revision = 50n;
    say([]);
    fake.revision = 60n;
    say([]);
    // Another watch tells when the messages have arrived.
    say([change('k/z', 61n, 'z')]);
    await next(watch);
    stream.end();
    const second = await fake.watchStream(1);
    await shortly(() => creates(second).length === 1, 'a new request');
    expect(startOf(creates(second)[0])).toBe(62n);
  });

  it('goes on where it was after a broken stream, and needs no snapshot for it', async () => {
    const { fake, watch, stream, say } = await started();
    fake.revision = 11n;
    say([change('k/a', 11n, 'a')]);
    await next(watch);
    stream.fail(status.UNAVAILABLE, 'etcdserver: no leader');
    const second = await fake.watchStream(1);
    await shortly(() => creates(second).length === 1, 'a new request');
    expect(startOf(creates(second)[0])).toBe(12n);
    second.send(fake.event({ watchId: idOf(second), events: [change('k/a', 11n, 'a'), change('k/b', 12n, 'b')] }));
    expect(puts(await next(watch))).toEqual(['k/b=b']);
    expect(fake.count('Range')).toBe(1);
  });

  it('takes a new snapshot when what it missed was compacted', async () => {
    const { fake, watch, stream } = await started();
    stream.send(fake.event({ watchId: idOf(stream), canceled: true, compactRevision: fromBigint(99n) }));
    fake.revision = 100n;
    expect(await next(watch)).toMatchObject({ kind: 'snapshot', revision: 100n });
    expect(startOf(creates(stream)[1])).toBe(0n);
    expect(idOf(stream, 1)).not.toEqual(idOf(stream));
  });

  it('alone ends when the server refuses it for good', async () => {
    const { fake, store, watch, stream, say } = await started();
    const other = store.watch({ key: 'secret' });
    await next(other);
    const refusal = {
      canceled: true,
      cancelReason: 'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    };
    stream.send(fake.event({ watchId: idOf(stream, 1), ...refusal }));
    expect(await codeOf(next(other))).toBe('PERMISSION_DENIED');
    say([change('k/a', 11n, 'a')]);
    expect(puts(await next(watch))).toEqual(['k/a=a']);
  });

  it('is refused by a message without an id: the oldest unanswered request is meant', async () => {
    const { fake, store, watch, stream, say } = await started();
    fake.onWatch = (request, on) => {
      if (!request.createRequest) return;
      const refused = Buffer.from(request.createRequest.key ?? []).toString() === 'secret';
      const more = { watchId: fromBigint(-1n), canceled: true, cancelReason: 'etcdserver: permission denied' };
      on.send(fake.created(request, refused ? more : {}));
    };
    const [secret, open] = [store.watch({ key: 'secret' }), store.watch({ key: 'open' })];
    expect(await codeOf(next(secret))).toBe('PERMISSION_DENIED');
    expect((await next(open)).kind).toBe('snapshot');
    say([change('k/a', 11n, 'a')]);
    expect(puts(await next(watch))).toEqual(['k/a=a']);
    expect(stream.requests.length).toBe(3);
  });

  it('is asked for again when the server ends it without a reason', async () => {
    const { fake, watch, stream } = await started();
    stream.send(fake.event({ watchId: idOf(stream), canceled: true }));
    const second = await fake.watchStream(1);
    await shortly(() => creates(second).length === 1, 'a new request');
    second.send(fake.event({ watchId: idOf(second), events: [change('k/a', 11n, 'a')] }));
    expect(puts(await next(watch))).toEqual(['k/a=a']);
  });

  it('is not started twice by a second confirmation', async () => {
    const { fake, watch, stream, say } = await started();
    stream.send(fake.created(creates(stream)[0] as WatchRequest));
    say([change('k/a', 11n, 'a')]);
    expect(puts(await next(watch))).toEqual(['k/a=a']);
    expect(fake.count('Range')).toBe(1);
  });

  it('goes to another endpoint when it is not confirmed in time', async () => {
    const [silent, good] = [await fakeEtcd(), await fakeEtcd()];
    silent.onWatch = () => {};
    const store = storeOn([silent.endpoint, good.endpoint], { timeouts: { attemptMs: 50 } });
    expect((await next(store.watch({ key: 'k' }))).kind).toBe('snapshot');
    expect(good.watchStreams.length).toBe(1);
  });

  it('keeps trying to get its snapshot while the store cannot give one', async () => {
    const fake = await fakeEtcd();
    let failures = 0;
    fake.on('Range', () => (failures++ < 12 ? { code: status.UNAVAILABLE, details: 'etcdserver: no leader' } : {}));
    const watch = storeOn(fake.endpoint, { retry: { attempts: 2, baseMs: 1, capMs: 2 } }).watch({ key: 'k' });
    expect((await next(watch)).kind).toBe('snapshot');
  });

  it('shares one stream with a thousand others, which is closed some time after the last', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint);
    const watches = Array.from({ length: 1_000 }, (_, n) => store.watch({ key: `k${n}` }));
    await Promise.all(watches.map(next));
    expect(store.stats).toMatchObject({ watchCreates: 1_000, streamsOpened: 1, openStreams: 1 });
    await Promise.all(watches.map((watch) => watch.return()));
    expect(store.stats.watchCancels).toBe(1_000);
    await shortly(() => store.stats.openStreams === 0, 'the stream is closed');
    expect((await next(store.watch({ key: 'again' }))).kind).toBe('snapshot');
    expect(store.stats.streamsOpened).toBe(2);
  });
});
