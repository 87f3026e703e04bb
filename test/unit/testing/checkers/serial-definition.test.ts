import { describe, expect, it } from 'vitest';
import type { Random } from '../../../../src/core/clock.js';
import { type Access, checkSerializable, type Transaction } from '../../../../src/testing/index.js';
import { pick, seeded } from './generate.js';

type Values = ReadonlyMap<string, readonly unknown[]>;

/** What all keys hold after a transaction, or undefined where its reads do not fit. */
function after(held: Values, transaction: Transaction): Values | undefined {
  const next = new Map(held);
  for (const access of transaction.kind === 'ok' ? transaction.output : transaction.input) {
    const list = next.get(access.key) ?? [];
    if (access.op === 'append') next.set(access.key, [...list, access.value]);
    else if (access.op === 'write') next.set(access.key, [access.value]);
    else if (transaction.kind === 'ok') {
      const seen = Array.isArray(access.value) ? access.value : access.value === null ? [] : [access.value];
      if (JSON.stringify(seen) !== JSON.stringify(list)) return undefined;
    }
  }
  return next;
}

/** The definition by its word: all that answered, and some of the unknown ones, in some order; with time where it is strict. */
function isSerializable(left: readonly Transaction[], strict: boolean, held: Values = new Map()): boolean {
  if (left.every(({ kind }) => kind !== 'ok')) return true;
  return left.some((transaction) => {
    if (transaction.kind === 'failed') return false;
    const others = left.filter((other) => other !== transaction);
    if (strict && others.some((other) => other.kind === 'ok' && other.returnMs < transaction.callMs)) return false;
    const next = after(held, transaction);
    return next !== undefined && isSerializable(others, strict, next);
  });
}

/** Transactions that were told all kinds of things: of a store that mixes up two states that it was in. */
function transactions(random: Random, kind: 'list' | 'register'): Transaction[] {
  const states: Map<string, number[]>[] = [new Map()];
  let value = 0;
  return Array.from({ length: 2 + Math.floor(random() * 4) }, (_, at): Transaction => {
    const held = new Map(pick(random, states.slice(-2)));
    const accesses = Array.from({ length: 1 + Math.floor(random() * 3) }, (): Access => {
      const key = pick(random, ['x', 'y']);
      const list = held.get(key) ?? [];
      if (random() < 0.5) {
        const from = random() < 0.15 ? (pick(random, states).get(key) ?? []) : list;
        return { op: 'read', key, value: kind === 'list' ? [...from] : (from.at(-1) ?? null) };
      }
      value++;
      held.set(key, kind === 'list' ? [...list, value] : [value]);
      return { op: kind === 'list' ? 'append' : 'write', key, value };
    });
    const callMs = at * 2 - Math.floor(random() * 6);
    const called = { process: `p${at}`, input: accesses, callMs };
    const end = random();
    if (end < 0.1) return { ...called, kind: 'failed', returnMs: callMs + 2 };
    states.push(held);
    if (end < 0.25) return { ...called, kind: 'unknown' };
    return { ...called, kind: 'ok', output: accesses, returnMs: callMs + Math.floor(random() * 8) };
  });
}

describe.each(['list', 'register'] as const)(
  'checkSerializable against the definition, with a %s for each key',
  (kind) => {
    it.each([false, true])('calls nothing illegal that is not, and finds most that is; strict: %s', (strict) => {
      const level = strict ? 'strict-serializable' : 'serializable';
      const counts = { legal: 0, found: 0, missed: 0 };
      for (let seed = 0; seed < 4_000; seed++) {
        const history = transactions(seeded(seed), kind);
        const found = checkSerializable(history, { level });
        if (isSerializable(history, strict)) {
          counts.legal++;
          if (found.verdict === 'illegal') throw new Error(`seed ${seed}: ${found.describe()}`);
        } else if (found.verdict === 'illegal') counts.found++;
        else counts.missed++;
      }
      expect(Math.min(counts.legal, counts.found)).toBeGreaterThan(400);
      // What no read shows cannot be found. Lists show all that matters here; of blind writes to registers some go unseen.
      expect(counts.missed / (counts.found + counts.missed)).toBeLessThanOrEqual(kind === 'list' ? 0 : 0.1);
    });
  },
);
