import { describe, expect, it } from 'vitest';
import { memoryCluster } from '../../../src/memory.js';
import { differStores } from '../../differential/store/differ.js';
import { fakeConsul, storeOn, tidyUp } from './tools.js';

tidyUp();

describe('random operations', () => {
  it('do and say the same as on the embedded store, on a server that only looks like Consul', async () => {
    const fake = await fakeConsul();
    const stores = [() => memoryCluster().store(), () => storeOn(fake)] as const;
    const { finding, ops } = await differStores({ stores, seed: 71, ops: 1_000 });
    expect(finding).toBeUndefined();
    expect(ops).toBeGreaterThanOrEqual(1_000);
  }, 60_000);
});
