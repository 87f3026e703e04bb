import { describe, expect, test } from 'vitest';
import { Client } from '../../src/client.js';
import { remove } from '../../src/core/store.js';
import { type CoordinationError, type ErrorCode, isCoordinationError } from '../../src/errors.js';
import { etcd } from '../../src/etcd.js';
import { memory, memoryCluster } from '../../src/memory.js';
import { Election } from '../../src/recipes/election.js';
import { Group } from '../../src/recipes/group.js';
import { Mutex } from '../../src/recipes/mutex.js';
import { Partitioner } from '../../src/recipes/partitioner.js';
import { PersistentKey } from '../../src/recipes/persistent-key.js';
import { FaultyStore } from '../../src/testing/faulty-store.js';

/** What a program in plain JavaScript can pass where the compiler would object. */
// biome-ignore lint/suspicious/noExplicitAny: bad input is the subject here.
type Anything = any;

async function failure(run: () => unknown): Promise<CoordinationError> {
  try {
    await run();
  } catch (error) {
    if (isCoordinationError(error)) return error;
    throw error;
  }
  throw new Error('Nothing was thrown.');
}

/** Runs something with a client that counts what it sends, and gives back the error. */
async function refused(run: (client: Client) => unknown): Promise<CoordinationError> {
  const store = new FaultyStore(memoryCluster().store());
  const client = new Client(store);
  const error = await failure(() => run(client));
  expect(store.requestCount).toBe(0);
  await client.close();
  return error;
}

const paths: [name: string, path: Anything, code: ErrorCode, problem: string][] = [
  ['an empty path', '', 'INVALID_KEY', 'empty'],
  ['no path', undefined, 'INVALID_KEY', 'not-a-string'],
  ['a number for a path', 7, 'INVALID_KEY', 'not-a-string'],
  ['a path with NUL', '/a\0b', 'INVALID_KEY', 'nul'],
  ['a path with a segment ".."', '/a/../b', 'INVALID_KEY', 'dot-segment'],
  ['a path that is not Unicode', '/a\ud800', 'INVALID_KEY', 'not-unicode'],
  ['the root as a path', '/', 'INVALID_PREFIX', 'root'],
  ['a path that ends in a slash', '/locks/', 'INVALID_PREFIX', 'final-slash'],
  ['a path with an empty segment', '/locks//job', 'INVALID_PREFIX', 'empty-segment'],
];

describe('recipes', () => {
  test.each(paths)('%s is refused by every recipe before anything is sent', async (_, path, code, problem) => {
    const makers = [
      (c: Client) => new Mutex(c, path),
      (c: Client) => new Election(c, path),
      (c: Client) => new Group(c, path),
      (c: Client) => new Partitioner(c, path, { shards: 4 }),
    ];
    for (const make of makers) {
      const error = await refused(make);
      expect(error).toMatchObject({ code, problem });
      expect(error.message).toMatch(/[.;"]/);
    }
  });

  const times = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null];
  test.each(times)('a timeoutMs of %s is refused by every wait', async (timeoutMs: Anything) => {
    const waits: ((client: Client) => unknown)[] = [
      (client) => new Mutex(client, '/a').acquire({ timeoutMs }),
      (client) => new Mutex(client, '/a').tryAcquire({ timeoutMs }),
      (client) => new Mutex(client, '/a').holder({ timeoutMs }),
      (client) => new Election(client, '/a').campaign('x', { timeoutMs }),
      (client) => new Election(client, '/a').leader({ timeoutMs }),
      (client) => new Election(client, '/a').observe({ timeoutMs }).next(),
      (client) => new Election(client, '/a').lead('x', () => 0, { timeoutMs }),
      (client) => new PersistentKey(client, '/a', 1).start({ timeoutMs }),
      (client) => new PersistentKey(client, '/a', 1).update(2, { timeoutMs }),
      (client) => new PersistentKey(client, '/a', 1).stop({ timeoutMs }),
      (client) => new Group(client, '/a').join('x', 1, { timeoutMs }),
      (client) => new Group(client, '/a').members({ timeoutMs }),
      (client) => new Group(client, '/a').views({ timeoutMs }).next(),
      (client) => new Partitioner(client, '/a', { shards: 4 }).run(() => {}, { timeoutMs }),
      (client) => new Partitioner(client, '/a', { shards: 4 }).owners({ timeoutMs }),
      (client) => client.session({ timeoutMs }),
      (client) => client.openSession({ timeoutMs }),
    ];
    for (const wait of waits) expect((await refused(wait)).code).toBe('INVALID_TIMEOUT');
  });

  test('what is no signal is refused', async () => {
    const signal: Anything = new AbortController();
    const error = await refused((client) => new Mutex(client, '/a').acquire({ signal }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', field: 'signal' });
  });

  test('an option that does not exist is named, with those that do', async () => {
    const typo: Anything = { timeout: 5 };
    const waits: ((client: Client) => unknown)[] = [
      (client) => new Mutex(client, '/a', typo),
      (client) => new Election(client, '/a', typo),
      (client) => new Mutex(client, '/a').acquire(typo),
      (client) => new Election(client, '/a').campaign('x', typo),
      (client) => client.session(typo),
    ];
    for (const wait of waits) {
      const error = await refused(wait);
      expect(error).toMatchObject({ code: 'UNKNOWN_OPTION', field: 'timeout' });
      expect(error.message).toMatch(/knows .*(timeoutMs|session)/);
    }
  });

  test.each([0, -5, Number.NaN, 1, 1e15])('a ttlMs of %s is refused by client and recipes', async (ttlMs) => {
    expect(await failure(() => memory({ ttlMs }))).toMatchObject({ code: 'INVALID_TTL', field: 'ttlMs' });
    expect((await refused((client) => new Mutex(client, '/a', { ttlMs }))).code).toBe('INVALID_TTL');
    expect((await refused((client) => client.openSession({ ttlMs }))).code).toBe('INVALID_TTL');
  });

  test('a choice of sessions that contradicts itself is refused', async () => {
    const client = memory();
    const session = await client.openSession();
    const choices: Anything[] = [
      { session: {} },
      { session, ttlMs: 5_000 },
      { session, onSessionLost: 'rejoin' },
      { onSessionLost: 'ignore' },
    ];
    for (const choice of choices) {
      expect((await failure(() => new Mutex(client, '/a', choice))).code).toBe('INVALID_OPTION');
    }
    await client.close();
  });

  test('a label that is no text is refused', async () => {
    const label: Anything = 5;
    const error = await refused((client) => new Mutex(client, '/a', { label }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', field: 'label' });
  });

  test('everything on a closed client rejects with CLOSED', async () => {
    const client = memory();
    const mutex = new Mutex(client, '/a');
    const election = new Election(client, '/a');
    await client.close();
    const uses = [
      () => mutex.acquire(),
      () => mutex.tryAcquire(),
      () => mutex.holder(),
      () => mutex.waiters(),
      () => election.campaign('x'),
      () => election.leader(),
      () => election.observe().next(),
      () => client.store.commit([], [remove('/a')]),
      () => client.store.watch({ key: '/a' }).next(),
      () => client.session(),
    ];
    for (const use of uses) expect((await failure(use)).code).toBe('CLOSED');
  });
});

describe('etcd()', () => {
  const endpoints: Anything[] = [
    undefined,
    [],
    '',
    7,
    [''],
    'http://',
    'ftp://host:2379',
    'http://host:0',
    'http://host:70000',
    'http://host:2379/path',
    'http://user:secret@host:2379',
    'host:port',
    'http://ho st:2379',
  ];
  test.each(endpoints)('the endpoint %j is refused', async (bad) => {
    const error = await failure(() => etcd({ endpoints: bad }));
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT' });
    expect(error.message).not.toContain('secret');
  });

  test('no options at all are refused', async () => {
    const none: Anything = undefined;
    expect((await failure(() => etcd(none))).code).toMatch(/^INVALID_/);
  });

  test('an option that does not exist is refused, at each level', async () => {
    const typos: Anything[] = [
      { endpoint: 'x' },
      { tls: { pem: 'x' } },
      { auth: { user: 'x' } },
      { timeouts: { call: 1 } },
    ];
    for (const typo of typos) {
      const error = await failure(() => etcd({ endpoints: 'https://127.0.0.1:2379', ...typo }));
      expect(error.code).toBe('UNKNOWN_OPTION');
    }
  });

  test('a password over plaintext is refused unless it is asked for', async () => {
    const auth = { username: 'root', password: 'hunter2' };
    const error = await failure(() => etcd({ endpoints: 'http://127.0.0.1:2379', auth }));
    expect(error.code).toBe('INSECURE_CREDENTIALS');
    expect(error.message).not.toContain('hunter2');
    const mixed = ['https://127.0.0.1:1', 'http://127.0.0.1:2'];
    expect((await failure(() => etcd({ endpoints: mixed, auth }))).code).toBe('INSECURE_CREDENTIALS');
    await etcd({ endpoints: 'http://127.0.0.1:2379', auth, allowInsecureAuth: true }).close();
  });

  test('a time to live that etcd cannot give is refused', async () => {
    for (const ttlMs of [0, -1, Number.NaN, 1e15]) {
      expect((await failure(() => etcd({ endpoints: '127.0.0.1:2379', ttlMs }))).code).toBe('INVALID_TTL');
    }
  });
});

test('errors of another copy of the package are recognised', () => {
  const foreign = Object.assign(new Error('other copy'), {
    code: 'CLOSED',
    [Symbol.for('coterie.CoordinationError')]: true,
  });
  expect(isCoordinationError(foreign)).toBe(true);
  expect(isCoordinationError(foreign, 'CLOSED')).toBe(true);
  expect(isCoordinationError(foreign, 'TIMEOUT')).toBe(false);
  expect(isCoordinationError(new Error('CLOSED'))).toBe(false);
});

test('text from outside is cut and escaped before it stands in a message', async () => {
  const error = await failure(() => new Mutex(memory(), `/a\n\u001b[31m${'x'.repeat(1_000)}/`));
  expect(error.message).not.toMatch(/\p{Cc}/u);
  expect(error.message.length).toBeLessThan(400);
});
