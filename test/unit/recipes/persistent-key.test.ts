import { describe, expect, test } from 'vitest';
import { decodeText } from '../../../src/core/codec.js';
import { put } from '../../../src/core/store.js';
import { CoordinationError, isCoordinationError } from '../../../src/errors.js';
import { PersistentKey, type PersistentKeyOptions } from '../../../src/recipes/persistent-key.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { persistentKeySuite } from '../../suites/persistent-key.js';
import { deaf } from './deaf.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type Node, ttlMs, type World, watched } from './world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const path = '/up/node-1';

function make({ client }: Node, value: unknown = 'v1', options: PersistentKeyOptions<unknown> = {}): PersistentKey {
  return new PersistentKey(client, path, value, options);
}

/** What the store has at the key. */
function stored(): { value: string; lease: string | undefined; created: bigint } | undefined {
  const entry = world.cluster.entries().find(({ key }) => key === path);
  return entry && { value: decodeText(entry.value), lease: entry.lease, created: entry.created };
}

describe('start and stop', () => {
  test('it is in the store, on the lease of the session, after one commit; and out of it after one more', async () => {
    const node = world.node();
    const session = await node.client.session();
    const before = node.store.requestCount;
    const key = make(node, { port: 80 });
    expect(key.state).toEqual({ kind: 'absent' });
    await key.start();
    expect(stored()).toEqual({ value: '{"port":80}', lease: session.lease, created: key.incarnation });
    expect(key.isPresent()).toBe(true);
    expect(key.state).toMatchObject({ kind: 'present', incarnation: key.incarnation });
    expect(node.store.requests).toMatchObject({ commit: 1, read: 0, watch: 1 });
    expect(await key.stop()).toBe(true);
    expect(world.keys()).toEqual([]);
    expect(node.store.requestCount - before).toBe(3);
    expect(key.isPresent()).toBe(false);
    expect(key.state).toMatchObject({ kind: 'ended', reason: { code: 'RELEASED' } });
  });

  test('stopping twice has the result of the first, and what was never started is stopped at once', async () => {
    const node = world.node();
    const key = make(node);
    expect(await key.stop()).toBe(false);
    await key.start();
    expect(await Promise.all([key.stop(), key.stop()])).toEqual([true, true]);
  });

  test('a second start waits for the first, and one after a stop begins anew', async () => {
    const node = world.node();
    const key = make(node);
    await Promise.all([key.start(), key.start()]);
    expect(node.store.requests.commit).toBe(1);
    const first = key.incarnation ?? 0n;
    await key.stop();
    await key.start();
    expect(key.incarnation).toBeGreaterThan(first);
  });

  test('await using takes it out at the end of the block', async () => {
    {
      await using key = make(world.node());
      await key.start();
      expect(world.keys()).toEqual([path]);
    }
    expect(world.keys()).toEqual([]);
  });

  test.each([...Array(30).keys()])(
    'aborted after %i turns, start leaves the key there or nothing at all',
    async (turns) => {
      const node = world.node();
      const key = make(node);
      const controller = new AbortController();
      const starting = watched(key.start({ signal: controller.signal }));
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      controller.abort();
      await world.clock.advance(2_000);
      expect(starting.outcome).not.toBe('pending');
      expect(world.keys()).toEqual(starting.outcome === 'resolved' ? [path] : []);
    },
  );

  test('start in an outage waits it out for as long as timeoutMs allows, and then leaves nothing behind', async () => {
    const node = world.node();
    await node.client.session();
    node.store.partition();
    const key = make(node);
    await expect(world.run(key.start({ timeoutMs: 1_500 }))).rejects.toMatchObject({ code: 'TIMEOUT' });
    node.store.heal();
    await world.clock.advance(1_000);
    expect(world.keys()).toEqual([]);
  });

  test('stop in an outage is bounded, and the key goes when the store is back', async () => {
    const node = world.node({ ttlMs: 60_000 });
    const key = make(node);
    await key.start();
    node.store.partition();
    const stopping = watched(key.stop());
    await world.clock.advance(1_000);
    expect(stopping).toEqual({ outcome: 'resolved', value: false });
    expect(world.keys()).toEqual([path]);
    node.store.heal();
    await world.clock.advance(10_000);
    expect(world.keys()).toEqual([]);
  });
});

describe('comes back', () => {
  test('after the loss of the session, under the next one, as a new incarnation', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    const [first, { signal }] = [key.incarnation ?? 0n, key];
    world.cluster.revokeLease((await node.client.session()).lease);
    expect(key.state.kind).toBe('present');
    await world.clock.advance(ttlMs);
    expect(signal.aborted).toBe(true);
    expect(key.isPresent()).toBe(true);
    expect(key.incarnation).toBeGreaterThan(first);
    expect(stored()?.lease).toBe((await node.client.session()).lease);
    expect(key.signal.aborted).toBe(false);
  });

  test('after a partition that outlasted the lease; it is told of the loss before the store drops it', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    let there: string[] | undefined;
    key.signal.addEventListener('abort', () => {
      there = world.keys();
    });
    node.store.partition();
    await world.clock.advance(ttlMs * 2);
    expect(there).toEqual([path]);
    expect(key.state).toMatchObject({ kind: 'lost', reason: { code: 'SESSION_LOST' } });
    expect(world.keys()).toEqual([]);
    node.store.heal();
    await world.clock.advance(ttlMs);
    expect(key.isPresent()).toBe(true);
    expect(world.keys()).toEqual([path]);
  });

  test('after an operator deleted it, at once; again and again, ever more slowly', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    let returns = 0;
    key.events.on('state', ({ kind }) => {
      if (kind === 'present') returns++;
    });
    world.cluster.deleteKey(path);
    await world.clock.advance(50);
    expect(key.isPresent()).toBe(true);
    for (let at = 0; at < 6_000; at++) {
      if (world.keys().length > 0) world.cluster.deleteKey(path);
      await world.clock.advance(10);
    }
    expect(returns).toBeGreaterThan(5);
    expect(returns).toBeLessThan(25);
    await world.clock.advance(60_000);
    expect(key.isPresent()).toBe(true);
  });

  test('after an operator overwrote it without a lease, as a new incarnation', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    const first = key.incarnation ?? 0n;
    world.cluster.putKey(path, 'mine now');
    await world.clock.advance(100);
    expect(stored()).toMatchObject({ value: '"v1"', lease: (await node.client.session()).lease });
    expect(key.incarnation).toBeGreaterThan(first);
  });

  test('after an operator changed its value only, without a new incarnation', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    const { incarnation } = key;
    const { lease } = await node.client.session();
    await world.cluster.store().commit([], [put(path, 'spoilt', lease)]);
    await world.clock.advance(100);
    expect(stored()).toEqual({ value: '"v1"', lease, created: incarnation });
    expect(key.incarnation).toBe(incarnation);
  });

  test('even where the watch lost the event, within half a minute', async () => {
    const node = world.node();
    const watch = node.store.watch.bind(node.store);
    node.store.watch = (range) => deaf(watch(range));
    const key = make(node);
    await key.start();
    await world.clock.advance(1_000);
    world.cluster.deleteKey(path);
    await world.clock.advance(20_000);
    expect(world.keys()).toEqual([]);
    await world.clock.advance(11_000);
    expect(key.isPresent()).toBe(true);
    expect(world.keys()).toEqual([path]);
  });

  test('not with onSessionLost reject: then it has ended', async () => {
    const node = world.node();
    const key = make(node, 'v1', { onSessionLost: 'reject' });
    await key.start();
    world.cluster.revokeLease((await node.client.session()).lease);
    await world.clock.advance(ttlMs * 2);
    expect(key.state).toMatchObject({ kind: 'ended', reason: { code: 'SESSION_LOST' } });
    expect(world.keys()).toEqual([]);
    await expect(key.update('v2')).rejects.toMatchObject({ code: 'SESSION_LOST' });
  });

  test('not under a session of its own that is lost, nor after the client was closed', async () => {
    const node = world.node();
    const session = await node.client.openSession();
    const key = make(node, 'v1', { session });
    await key.start();
    world.cluster.revokeLease(session.lease);
    await world.clock.advance(ttlMs);
    expect(key.state).toMatchObject({ kind: 'ended', reason: { code: 'SESSION_LOST' } });
    const second = make(node);
    await second.start();
    await world.run(node.client.close());
    expect(second.state).toMatchObject({ kind: 'ended', reason: { code: 'CLOSED' } });
    expect(world.keys()).toEqual([]);
  });

  test('never under a dead lease: a put that comes after the end of its session puts nothing', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    node.store.holdRequests();
    const updating = watched(key.update('v2'));
    await settle();
    world.cluster.revokeLease((await node.client.session()).lease);
    node.store.releaseRequests();
    await world.clock.advance(ttlMs);
    expect(updating.outcome).toBe('resolved');
    expect(stored()).toMatchObject({ value: '"v2"', lease: (await node.client.session()).lease });
  });
});

describe('somebody else has the key', () => {
  test('start rejects with MEMBER_EXISTS, and touches nothing', async () => {
    const [a, b] = [world.node(), world.node()];
    const first = make(a, 'a');
    await first.start();
    const second = make(b, 'b');
    await expect(second.start()).rejects.toMatchObject({ code: 'MEMBER_EXISTS', key: path });
    expect(stored()).toMatchObject({ value: '"a"', created: first.incarnation });
    expect(first.isPresent()).toBe(true);
    expect(await second.stop()).toBe(false);
    expect(first.isPresent()).toBe(true);
  });

  test('so does a second one of the same client, and of the same session', async () => {
    const node = world.node();
    const first = make(node, 'a');
    await first.start();
    await expect(make(node, 'b').start()).rejects.toMatchObject({ code: 'MEMBER_EXISTS' });
    expect(stored()).toMatchObject({ value: '"a"', created: first.incarnation });
    await first.stop();
    await make(node, 'b').start();
    expect(stored()).toMatchObject({ value: '"b"' });
  });

  test('what stands there without a lease is not touched by start either', async () => {
    world.cluster.putKey(path, 'precious');
    await expect(make(world.node()).start()).rejects.toMatchObject({ code: 'MEMBER_EXISTS' });
    expect(stored()?.value).toBe('precious');
    world.cluster.deleteKey(path);
  });

  test('with onTaken wait, start waits for it to go, as after a crash', async () => {
    const [a, b] = [world.node(), world.node()];
    await make(a, 'a').start();
    await a.store.close();
    const second = make(b, 'b', { onTaken: 'wait' });
    const starting = watched(second.start());
    await world.clock.advance(ttlMs - 10);
    expect(starting.outcome).toBe('pending');
    expect(second.state).toMatchObject({ kind: 'lost', reason: { code: 'MEMBER_EXISTS' } });
    await world.clock.advance(20);
    expect(starting.outcome).toBe('resolved');
    expect(stored()?.value).toBe('"b"');
  });

  test('with onTaken wait, one of the same process is waited for as well', async () => {
    const node = world.node();
    const first = make(node, 'a');
    await first.start();
    const starting = watched(make(node, 'b', { onTaken: 'wait' }).start());
    await world.clock.advance(1_000);
    expect(starting.outcome).toBe('pending');
    await first.stop();
    await world.clock.advance(10_000);
    expect(starting.outcome).toBe('resolved');
  });

  test('one who took it meanwhile is let be, is not fought, and is followed when he goes', async () => {
    const [a, b] = [world.node(), world.node()];
    const first = make(a, 'a');
    await first.start();
    a.store.partition();
    await world.clock.advance(ttlMs * 2);
    const second = make(b, 'b');
    await second.start();
    a.store.heal();
    await world.clock.advance(ttlMs);
    const commits = a.store.requests.commit;
    await world.clock.advance(60_000);
    expect(a.store.requests.commit).toBe(commits);
    expect(first.state).toMatchObject({ kind: 'lost', reason: { code: 'MEMBER_EXISTS' } });
    expect(second.isPresent()).toBe(true);
    expect(await second.stop()).toBe(true);
    await world.clock.advance(100);
    expect(first.isPresent()).toBe(true);
  });

  test('a stop does not remove the incarnation of somebody who came after', async () => {
    const [a, b] = [world.node(), world.node()];
    const first = make(a, 'a');
    await first.start();
    a.store.holdRequests();
    const stopping = watched(first.stop());
    await settle();
    world.cluster.deleteKey(path);
    const second = make(b, 'b');
    await second.start();
    const { incarnation } = second;
    a.store.releaseRequests();
    await world.clock.advance(2_000);
    expect(stopping.outcome).toBe('resolved');
    expect(stored()).toMatchObject({ value: '"b"', created: incarnation });
    expect(second.incarnation).toBe(incarnation);
  });
});

describe('update', () => {
  test('changes the value and not the incarnation, for one commit', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    const { incarnation } = key;
    const before = node.store.requestCount;
    await key.update('v2');
    expect(node.store.requestCount - before).toBe(1);
    expect(stored()).toMatchObject({ value: '"v2"', created: incarnation });
    expect(key.incarnation).toBe(incarnation);
  });

  test('the latest wins, whatever is under way; earlier calls resolve with it', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    node.store.delay(20);
    const updates = ['a', 'b', 'c', 'd'].map((value) => watched(key.update(value)));
    await world.clock.advance(200);
    expect(updates.map(({ outcome }) => outcome)).toEqual(Array(4).fill('resolved'));
    expect(stored()?.value).toBe('"d"');
    expect(node.store.requests.commit).toBeLessThan(4);
  });

  test.each(['dropAnswers', 'dropRequests'] as const)('is exact where commits fall to %s', async (verb) => {
    const node = world.node();
    const key = make(node);
    await key.start();
    const { incarnation } = key;
    for (let round = 0; round < 5; round++) {
      node.store[verb]({ verb: 'commit', count: (round % 3) + 1 });
      await world.run(key.update(`r${round}`));
      expect(stored()).toMatchObject({ value: `"r${round}"`, created: incarnation });
    }
    expect(key.incarnation).toBe(incarnation);
  });

  test('that is applied late changes nothing any more once a later one is there', async () => {
    const node = world.node({ ttlMs: 60_000 });
    const key = make(node);
    await key.start();
    node.store.holdRequests();
    const old = watched(key.update('old'));
    await world.clock.advance(1_200);
    const latest = watched(key.update('new'));
    node.store.releaseRequests();
    await world.clock.advance(2_000);
    expect([old.outcome, latest.outcome]).toEqual(['resolved', 'resolved']);
    expect(stored()?.value).toBe('"new"');
  });

  test('while it is lost is applied with the recovery', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    node.store.partition();
    await world.clock.advance(ttlMs * 2);
    const updating = watched(key.update('v2'));
    await expect(world.run(key.update('v3', { timeoutMs: 50 }))).rejects.toMatchObject({ code: 'TIMEOUT' });
    node.store.heal();
    await world.clock.advance(ttlMs);
    expect(updating.outcome).toBe('resolved');
    expect(stored()?.value).toBe('"v3"');
  });

  test('before start says what to start with', async () => {
    const key = make(world.node());
    await key.update('v2');
    await key.start();
    expect(stored()?.value).toBe('"v2"');
  });

  test('of a value that cannot be said is refused, and changes nothing', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    const before = node.store.requestCount;
    await expect(key.update(1n)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    await expect(key.update('x'.repeat(2_000_000))).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
    expect(node.store.requestCount).toBe(before);
    expect(key.isPresent()).toBe(true);
  });
});

describe('lost answers', () => {
  test.each([1, 2, 3])('%i at the start end in one key, found again as the own one', async (count) => {
    const node = world.node();
    await node.client.session();
    node.store.dropAnswers({ verb: 'commit', count });
    const key = make(node);
    await world.run(key.start());
    expect(stored()).toMatchObject({ value: '"v1"', created: key.incarnation });
    expect(await key.stop()).toBe(true);
    await world.clock.advance(310_000);
  });

  test('at the stop: it is gone, and was there until then', async () => {
    const node = world.node();
    const key = make(node);
    await key.start();
    node.store.dropAnswers({ verb: 'commit' });
    expect(await world.run(key.stop())).toBe(true);
    expect(world.keys()).toEqual([]);
  });

  test('a put that turns up when it was given up is taken out again', async () => {
    const node = world.node({ ttlMs: 60_000 });
    await node.client.session();
    node.store.holdRequests();
    const starting = watched(make(node).start({ timeoutMs: 1_500 }));
    await world.clock.advance(3_000);
    expect(isCoordinationError(starting.error, 'TIMEOUT')).toBe(true);
    node.store.releaseRequests();
    await settle();
    await world.clock.advance(31_000);
    expect(world.keys()).toEqual([]);
    await world.clock.advance(310_000);
    expect(world.clock.pending).toBeLessThan(4);
  });

  test('a put that turns up after everything else was over is swept away', async () => {
    const node = world.node({ ttlMs: 60_000 });
    await node.client.session();
    const commit = node.store.commit.bind(node.store);
    let arrive: () => Promise<unknown> = () => Promise.resolve();
    node.store.commit = (guards, ops, options) => {
      node.store.commit = commit;
      arrive = () => commit(guards, ops, options);
      node.store.holdRequests();
      return Promise.reject(new CoordinationError('UNKNOWN_OUTCOME', 'No answer came.'));
    };
    const reason = new Error('changed my mind');
    const controller = new AbortController();
    const starting = watched(make(node).start({ signal: controller.signal }));
    await settle();
    controller.abort(reason);
    await world.clock.advance(1_500);
    node.store.releaseRequests();
    await world.clock.advance(1_000);
    expect(starting.error).toBe(reason);
    await arrive();
    expect(world.keys()).toEqual([path]);
    await world.clock.advance(35_000);
    expect(world.keys()).toEqual([]);
  });

  test('the sweeping after a lost answer does not touch the next one who has the name', async () => {
    const node = world.node({ ttlMs: 60_000 });
    await node.client.session();
    node.store.dropAnswers({ verb: 'commit' });
    const first = make(node, 'a');
    await world.run(first.start());
    await first.stop();
    const second = make(node, 'b');
    await second.start();
    const { incarnation } = second;
    await world.clock.advance(400_000);
    expect(stored()).toMatchObject({ value: '"b"', created: incarnation });
    expect(second.incarnation).toBe(incarnation);
  });
});

describe('bad input', () => {
  // biome-ignore lint/suspicious/noExplicitAny: bad input is the subject here.
  const bad: [string, any, string][] = [
    ['an unknown option', { ttl: 5 }, 'UNKNOWN_OPTION'],
    ['an onTaken that does not exist', { onTaken: 'fight' }, 'INVALID_OPTION'],
    ['a codec that is none', { codec: {} }, 'INVALID_OPTION'],
    ['a ttlMs of 0', { ttlMs: 0 }, 'INVALID_TTL'],
  ];
  test.each(bad)('%s is refused at once', async (_, options, code) => {
    expect(() => make(world.node(), 'v', options)).toThrow(expect.objectContaining({ code }));
  });

  test('a listener that throws harms nobody, and is told of as an error', async () => {
    const key = make(world.node());
    const errors: unknown[] = [];
    key.events.on('error', (error) => errors.push(error));
    key.events.on('state', () => {
      throw new Error('listener');
    });
    await key.start();
    expect(errors).toHaveLength(1);
  });
});

onMemory(persistentKeySuite);
