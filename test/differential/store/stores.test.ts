/** Every store does what the embedded one does: random operations of the store contract on both at once. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasServer } from '../../servers/find.js';
import { differStores, requiredOutcomes } from './differ.js';
import { onMemory, type StoreServer, storeServers } from './servers.js';

const cases = [
  { name: 'consul', needs: 'consul-1.8', seed: 3_000 },
  { name: 'etcd', needs: 'etcd-3.5', seed: 4_000 },
  // Only for the programs that come with it.
  { name: 'dev', needs: 'etcd-3.5', seed: 5_000 },
] as const;

for (const { name, needs, seed } of cases) {
  describe.skipIf(!(await hasServer(needs)))(`the embedded store beside ${name}`, () => {
    let server: StoreServer;

    beforeAll(async () => {
      server = await storeServers[name]();
    });

    afterAll(() => server?.stop());

    it('says and shows the same in 2,000 random operations', { timeout: 180_000 }, async () => {
      const { finding, outcomes, ops } = await differStores({ stores: [onMemory, server.open], seed, ops: 2_000 });
      expect(finding, inspect(finding, { depth: 9 })).toBeUndefined();
      expect(ops).toBeGreaterThanOrEqual(2_000);
      // A test in which nothing ever succeeds, or nothing ever fails, would say little.
      expect(requiredOutcomes.filter((outcome) => !outcomes.has(outcome))).toEqual([]);
    });
  });
}
