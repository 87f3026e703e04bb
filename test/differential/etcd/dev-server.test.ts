/** The embedded server answers as a real etcd does: a share of what `npm run differential` plays. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasServer } from '../../servers/find.js';
import { Coverage } from './coverage.js';
import { differ } from './differ.js';
import { required } from './required.js';
import { etcdAndDevServer, type RunningPair } from './servers.js';

describe.skipIf(!(await hasServer('etcd-3.5')))('the embedded server beside a real etcd 3.5', () => {
  let running: RunningPair[] = [];

  beforeAll(async () => {
    running = await Promise.all([etcdAndDevServer(), etcdAndDevServer()]);
  });

  afterAll(() => Promise.all(running.map((each) => each.stop())));

  it('answers the same and shows the same to watches in 20,000 random steps of every kind', {
    timeout: 180_000,
  }, async () => {
    const coverage = new Coverage();
    const pairs = running.map(({ pair }) => pair);
    const { finding, ops } = await differ({ pairs, seed: 20_000, ops: 20_000, coverage });
    expect(finding, inspect(finding, { depth: 12 })).toBeUndefined();
    expect(ops).toBeGreaterThanOrEqual(20_000);
    // Else equal answers would mean less than they seem to.
    expect(coverage.missing(required)).toEqual([]);
  });
});
