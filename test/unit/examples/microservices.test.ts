/** The parts of the example services that can be looked at without starting them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rateLimit } from '../../../examples/microservices/api/rate-limit.js';
import { defaults, schema } from '../../../examples/microservices/api/settings.js';
import { Chronicle } from '../../../examples/microservices/drive/chronicle.js';
import { readOptions } from '../../../examples/microservices/drive/options.js';
import { readFlags } from '../../../examples/microservices/lib/flags.js';
import { isStale, Ledger } from '../../../examples/microservices/nightly/ledger.js';

describe('the books', () => {
  let folder: string;
  let ledgers: readonly [Ledger, Ledger];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coterie-books-'));
    const file = join(folder, 'books.sqlite');
    // Two connections to one file, as two processes have them.
    ledgers = [new Ledger(file), new Ledger(file)];
  });

  afterEach(() => {
    for (const ledger of ledgers) ledger[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  /** What the database says to a write, or undefined where it takes it. */
  function refusal(write: () => unknown): unknown {
    try {
      write();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  it('refuse the write of one who slept while another wrote, and keep what the other wrote', () => {
    const [ada, bob] = ledgers;
    expect(ada.begin(5n)).toEqual({ night: 0, total: 0 });
    bob.begin(8n);
    bob.close({ night: 1, total: 100, token: 8n, author: 'bob' });
    const error = refusal(() => ada.close({ night: 2, total: 1, token: 5n, author: 'ada' }));
    expect(isStale(error)).toBe(true);
    expect(bob.closings()).toEqual([{ night: 1, total: 100, token: 8n, author: 'bob' }]);
  });

  it('refuse it as soon as another has only read: what was read before counts no more', () => {
    const [ada, bob] = ledgers;
    ada.begin(5n);
    bob.begin(8n);
    expect(isStale(refusal(() => ada.close({ night: 1, total: 1, token: 5n, author: 'ada' })))).toBe(true);
    expect(isStale(refusal(() => ada.begin(5n)))).toBe(true);
    expect(refusal(() => bob.close({ night: 1, total: 2, token: 8n, author: 'bob' }))).toBeUndefined();
  });

  it('hold tokens that are greater than any number of JavaScript tells apart', () => {
    const [ada, bob] = ledgers;
    const token = 2n ** 60n;
    ada.begin(token + 1n);
    expect(isStale(refusal(() => bob.begin(token)))).toBe(true);
    ada.close({ night: 1, total: 1, token: token + 1n, author: 'ada' });
    expect(bob.closings()[0]?.token).toBe(token + 1n);
  });

  it('do not take another error for a stale token', () => {
    const [ada] = ledgers;
    ada.begin(5n);
    ada.close({ night: 1, total: 1, token: 5n, author: 'ada' });
    const twice = refusal(() => ada.close({ night: 1, total: 2, token: 5n, author: 'ada' }));
    expect(twice).toBeInstanceOf(Error);
    expect(isStale(twice)).toBe(false);
  });
});

describe('the flags of a service', () => {
  const own = { 'every-ms': 500, database: 'books.sqlite' } as const;

  it('are as they are by default, as the environment says, and as the command line says, which wins', () => {
    expect(readFlags(own, [], {})).toMatchObject({ 'every-ms': 500, prefix: '/shop', 'ttl-ms': 10_000 });
    const env = { SHOP_EVERY_MS: '20', SHOP_DATABASE: 'b', SHOP_ID: 'x' };
    expect(readFlags(own, ['--every-ms', '30'], env)).toMatchObject({ 'every-ms': 30, database: 'b', id: 'x' });
  });

  it.each<readonly [args: readonly string[], env: NodeJS.ProcessEnv, sentence: RegExp]>([
    [['--every-ms', 'soon'], {}, /^--every-ms must be a whole number, got "soon"\.$/],
    [[], { SHOP_EVERY_MS: '-1' }, /^--every-ms must be a whole number, got "-1"\.$/],
    [['--often'], {}, /Unknown option/],
    [['now'], {}, /now/],
  ])('are refused: %j %j', (args, env, sentence) => {
    expect(() => readFlags(own, args, env)).toThrow(sentence);
  });
});

describe('the settings of the API', () => {
  const judge = (value: unknown) => schema['~standard'].validate(value);
  const issuesOf = (value: unknown): unknown => {
    const result = judge(value);
    return 'issues' in result ? result.issues?.map(({ path }) => path?.join('.')) : result;
  };

  it('are good by default', () => {
    expect(judge(defaults)).toEqual({ value: defaults });
  });

  it.each<readonly [where: string, value: unknown]>([
    ['greeting', { ...defaults, greeting: '' }],
    ['greeting', { ...defaults, greeting: 5 }],
    ['limits.perSecond', { ...defaults, limits: { perSecond: -5 } }],
    ['limits.perSecond', { ...defaults, limits: { perSecond: 1.5 } }],
    ['limits.perSecond', { ...defaults, limits: 'none' }],
    ['limits.perSecond', { ...defaults, limits: null }],
    ['features.shout', { ...defaults, features: { shout: 'yes' } }],
  ])('are refused at %s: %j', (where, value) => {
    expect(issuesOf(value)).toEqual([where]);
  });
});

describe('the rate limit', () => {
  afterEach(() => vi.useRealTimers());

  it('lets so many through in a second, and follows a limit that changes', () => {
    vi.useFakeTimers({ now: 10_000 });
    let limit = 2;
    const allows = rateLimit(() => limit);
    expect([allows(), allows(), allows()]).toEqual([true, true, false]);
    limit = 4;
    expect([allows(), allows()]).toEqual([true, false]);
    vi.setSystemTime(11_000);
    expect(allows()).toBe(true);
  });
});

describe('the chronicle', () => {
  const happening = (event: string) => ({ atMs: 1, service: 'api', id: 'api-1', event });

  it('finds what was, waits for what comes, and leaves nothing behind when it gives up', async () => {
    const chronicle = new Chronicle();
    const { signal } = new AbortController();
    chronicle.add(happening('a'));
    const is = (name: string) => (one: { readonly event: string }) => one.event === name;
    expect(await chronicle.until('a', is('a'), { timeoutMs: 10, signal })).toMatchObject({ event: 'a' });
    const coming = chronicle.until('b', is('b'), { timeoutMs: 5_000, signal });
    chronicle.add(happening('b'));
    expect(await coming).toMatchObject({ event: 'b' });
    const late = chronicle.until('another b', is('b'), { timeoutMs: 5, signal, from: 2 });
    await expect(late).rejects.toThrow('This did not happen within 5 ms: another b.');
    const ended = AbortSignal.abort(new Error('over'));
    await expect(chronicle.until('c', is('c'), { timeoutMs: 5_000, signal: ended })).rejects.toThrow('over');
  });
});

describe('the command line of the run', () => {
  it('has a default for all', () => {
    expect(readOptions([])).toEqual({ store: 'dev', seconds: 30, ttlMs: 3_000 });
    expect(readOptions(['--store', 'consul://127.0.0.1:8500'])).toMatchObject({ ttlMs: 10_000 });
    expect(readOptions(['--seconds', '5', '--ttl', '2'])).toMatchObject({ seconds: 5, ttlMs: 2_000 });
    expect(readOptions(['--help'])).toBeUndefined();
  });

  it.each<readonly [args: readonly string[], sentence: RegExp]>([
    [['--store', 'redis://x'], /^--store must be/],
    [['--store', 'etcd://user:secret@x:1'], /^--store must be/],
    [['--seconds', '0'], /^--seconds must be a whole number from 1 to 3600/],
    [['--seconds', 'ten'], /^--seconds/],
    [['--ttl', '1'], /^--ttl must be a whole number from 2 to 60/],
    [['--fast'], /fast/],
  ])('refuses %j', (args, sentence) => {
    expect(() => readOptions(args)).toThrow(sentence);
  });
});
