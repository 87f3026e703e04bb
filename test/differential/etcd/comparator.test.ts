/** The comparison itself: silent where there is nothing, and loud where anything is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasServer } from '../../servers/find.js';
import { differ } from './differ.js';
import type { PlainFields } from './plain.js';
import { etcdTwice, type RunningPair } from './servers.js';
import { tampers } from './tampers.js';
import type { Tamper } from './watch-stream.js';

describe.skipIf(!(await hasServer('etcd-3.5')))('two real etcd 3.5 on random programs', () => {
  let running: RunningPair;
  let tamper: Tamper = (_, answer) => answer;

  beforeAll(async () => {
    running = await etcdTwice((call, answer) => tamper(call, answer));
  });

  afterAll(() => running?.stop());

  it('do not differ in thousands of steps', async () => {
    tamper = (_, answer) => answer;
    const { finding, ops } = await differ({ pairs: [running.pair], seed: 1, ops: 3_000 });
    expect(finding).toBeUndefined();
    expect(ops).toBeGreaterThanOrEqual(3_000);
  });

  it.each(Object.entries(tampers))('differ where one of them lies about %s', async (_, lie) => {
    tamper = lie;
    const { finding } = await differ({ pairs: [running.pair], seed: 1, ops: 3_000, shrinkMs: 0 });
    expect(finding?.sentence).toMatch(/ and /);
  });

  it('differ in a program of a few steps, which is found again by its seed', async () => {
    // Whoever writes "same" under a lease is not shown with it.
    tamper = (_, answer) => withoutLease(answer);
    const { finding } = await differ({ pairs: [running.pair], seed: 5, ops: 3_000 });
    expect(finding?.steps.length).toBeLessThanOrEqual(4);
    const again = await differ({ pairs: [running.pair], seed: finding?.seed ?? 0, ops: 1, shrinkMs: 0 });
    expect(again.finding?.seed).toBe(finding?.seed);
    expect(again.programs).toBe(1);
  });
});

function withoutLease(answer: PlainFields): PlainFields {
  const kvs = answer['kvs'] as readonly PlainFields[] | undefined;
  if (kvs === undefined) return answer;
  return {
    ...answer,
    kvs: kvs.map(({ lease, ...kv }) => (kv['value'] === 'same' || lease === undefined ? kv : { ...kv, lease })),
  };
}
