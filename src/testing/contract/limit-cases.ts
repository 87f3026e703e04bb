import type { CallOptions, Guard, Op, Query, Range, Store } from '../../core/store.js';
import { absent, put, read, remove } from '../../core/store.js';
import type { ErrorCode } from '../../errors.js';
import { refuses, same } from './assert.js';
import { entriesOf, keysOf, withStore } from './tools.js';
import type { ContractCase, ContractWorld } from './world.js';

/** A commit that must be refused as it is, and of which nothing may be applied. */
async function refusesCommit(
  store: Store,
  { prefix }: ContractWorld,
  code: ErrorCode,
  ops: readonly Op[],
  guards: readonly Guard[] = [],
): Promise<void> {
  await refuses(code, () => store.commit(guards, [put(`${prefix}good`, ''), ...ops]), 'a commit with bad input');
  same(keysOf(await entriesOf(store, { prefix })), [], 'nothing of it is applied');
}

/** What no key may be, below a good prefix or alone. */
const badKeys: readonly unknown[] = [
  '',
  'a\0b',
  '../x',
  'a/../b',
  'a/..',
  '\ud800x',
  'x\udfff',
  undefined,
  null,
  42,
  {},
];
const badTimeouts: readonly unknown[] = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '100', null];
const badTtls: readonly unknown[] = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1000', undefined, null, 1e12];

/** Every method, called with these options, right but for them. */
export function everyMethod(
  store: Store,
  prefix: string,
  options: CallOptions,
  ttlMs: number,
): Map<string, () => unknown> {
  return new Map<string, () => unknown>([
    ['read', () => store.read({ prefix }, options)],
    ['commit', () => store.commit([], [put(`${prefix}k`, '')], options)],
    ['watch', () => store.watch({ prefix }, options).next()],
    ['grant', () => store.grant(ttlMs, options)],
    ['renew', () => store.renew('1', options)],
    ['revoke', () => store.revoke('1', options)],
  ]);
}

export const limitCases: readonly ContractCase[] = [
  withStore(
    'limits: more guards and steps than the store takes are refused with TOO_MANY_OPS',
    async (store, world) => {
      const { maxOps } = store.traits;
      const puts = (count: number): Op[] => Array.from({ length: count }, (_, n) => put(`${world.prefix}${n}`, ''));
      await refusesCommit(store, world, 'TOO_MANY_OPS', puts(maxOps));
      await refusesCommit(store, world, 'TOO_MANY_OPS', puts(maxOps - 1), [absent(`${world.prefix}x`)]);
      const otherwise: Query[] = Array.from({ length: maxOps + 1 }, () => ({ prefix: world.prefix }));
      await refuses('TOO_MANY_OPS', () => store.commit([], [], { otherwise }), 'too many otherwise reads');
    },
  ),
  withStore('limits: a value that is too large is refused with VALUE_TOO_LARGE', async (store, world) => {
    const value = new Uint8Array(store.traits.maxValueBytes + 1);
    await refusesCommit(store, world, 'VALUE_TOO_LARGE', [put(`${world.prefix}large`, value)]);
  }),
  withStore('limits: what is no Uint8Array is refused as a value with INVALID_VALUE', async (store, world) => {
    for (const value of [undefined, null, 7, [1, 2], new ArrayBuffer(1)] as unknown[]) {
      // A caller without types can pass anything.
      const op = { kind: 'put', key: `${world.prefix}k`, value } as Op;
      await refusesCommit(store, world, 'INVALID_VALUE', [op]);
    }
  }),
  withStore('limits: a key that is touched twice by one commit is refused with DUPLICATE_KEY', async (store, world) => {
    const key = `${world.prefix}dir/k`;
    for (const other of [put(key, '2'), remove(key), remove({ prefix: `${world.prefix}dir/` })]) {
      await refusesCommit(store, world, 'DUPLICATE_KEY', [put(key, '1'), other]);
      await refusesCommit(store, world, 'DUPLICATE_KEY', [other, put(key, '1')]);
    }
  }),
  withStore('limits: a bad key is refused with INVALID_KEY wherever it stands', async (store, world) => {
    for (const bad of badKeys) {
      // A caller without types can pass anything.
      const key = bad as string;
      for (const op of [put(key, ''), remove({ key }), read({ key })]) {
        const codes: ErrorCode[] = key === undefined ? ['INVALID_KEY', 'INVALID_OPTION'] : ['INVALID_KEY'];
        await refuses(codes, () => store.commit([], [put(`${world.prefix}good`, ''), op]), 'a step with a bad key');
      }
      await refusesCommit(store, world, 'INVALID_KEY', [], [absent(key)]);
    }
    for (const key of badKeys.filter((bad) => bad !== undefined) as string[]) {
      await refuses('INVALID_KEY', () => store.read({ key }), 'a read of a bad key');
      await refuses('INVALID_KEY', () => store.watch({ key }).next(), 'a watch of a bad key');
    }
  }),
  withStore('limits: a prefix without its final slash is refused with INVALID_PREFIX', async (store, world) => {
    const prefix = `${world.prefix}foo`;
    await refuses('INVALID_PREFIX', () => store.read({ prefix }), 'a read');
    await refuses('INVALID_PREFIX', () => store.watch({ prefix }).next(), 'a watch');
    await refusesCommit(store, world, 'INVALID_PREFIX', [remove({ prefix })]);
    await refusesCommit(store, world, 'INVALID_PREFIX', [read({ prefix })]);
    await refuses('INVALID_PREFIX', () => store.commit([], [], { otherwise: [{ prefix }] }), 'an otherwise read');
    await refuses('INVALID_KEY', () => store.read({ prefix: '' }), 'the empty prefix');
  }),
  withStore('limits: what is neither a key nor a prefix, or both, is refused as a range', async (store, world) => {
    const { prefix } = world;
    for (const bad of [{}, { key: `${prefix}k`, prefix }, undefined, null] as unknown[]) {
      // A caller without types can pass anything.
      const range = bad as Range;
      await refuses('INVALID_OPTION', () => store.read(range), 'a read');
      await refuses('INVALID_OPTION', () => store.watch(range).next(), 'a watch');
    }
  }),
  withStore('limits: a bad query is refused', async (store, { prefix }) => {
    const bad: readonly object[] = [
      { order: 'age' },
      { limit: 0 },
      { limit: 1.5 },
      { createdBefore: 7 },
      { createdBefore: -1n },
    ];
    // A caller without types can pass anything.
    const query = (fields: object): Query => ({ prefix, ...fields }) as Query;
    for (const fields of bad) await refuses('INVALID_OPTION', () => store.read(query(fields)), 'a bad query');
    await refuses('UNKNOWN_OPTION', () => store.read(query({ revision: 7n })), 'a query with an unknown field');
  }),
  withStore('limits: a time to live that the store cannot give is refused with INVALID_TTL', async (store) => {
    const { minTtlMs, maxTtlMs } = store.traits;
    for (const ttlMs of [...badTtls, minTtlMs - 1, maxTtlMs + 1] as number[]) {
      await refuses('INVALID_TTL', () => store.grant(ttlMs), `a lease of ${ttlMs} ms`);
    }
  }),
  withStore('limits: a bad timeout is refused by every method with INVALID_TIMEOUT', async (store, world) => {
    for (const timeoutMs of badTimeouts as number[]) {
      for (const [name, call] of everyMethod(store, world.prefix, { timeoutMs }, world.shortTtlMs)) {
        await refuses('INVALID_TIMEOUT', call, `${name} with timeoutMs ${timeoutMs}`);
      }
    }
    same(await entriesOf(store, { prefix: world.prefix }), [], 'nothing is applied');
  }),
  withStore('limits: an unknown option is refused by every method with UNKNOWN_OPTION', async (store, world) => {
    // A caller without types can pass anything.
    const options = { timeout: 100 } as CallOptions;
    for (const [name, call] of everyMethod(store, world.prefix, options, world.shortTtlMs)) {
      await refuses('UNKNOWN_OPTION', call, `${name} with an unknown option`);
    }
    same(await entriesOf(store, { prefix: world.prefix }), [], 'nothing is applied');
  }),
  withStore('limits: what is no AbortSignal is refused by every method with INVALID_OPTION', async (store, world) => {
    // A caller without types can pass anything.
    const options = { signal: new AbortController() } as unknown as CallOptions;
    for (const [name, call] of everyMethod(store, world.prefix, options, world.shortTtlMs)) {
      await refuses('INVALID_OPTION', call, `${name} with a controller for a signal`);
    }
    same(await entriesOf(store, { prefix: world.prefix }), [], 'nothing is applied');
  }),
];
