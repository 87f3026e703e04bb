import { memoryCluster } from 'coterie/memory';
import { describe, expect, it } from 'vitest';
import { LineDrain, type LineMeter, sumOf, totalOf } from '../../../bench/lib/line-drain.js';

describe('requests', () => {
  it('of several clients are summed kind by kind', () => {
    expect(sumOf([{ txn: 1, read: 2 }, { txn: 3, poll: 4 }, {}])).toEqual({ txn: 4, read: 2, poll: 4 });
    expect(sumOf([])).toEqual({});
  });

  it('come to the sum of all kinds', () => {
    expect(totalOf({ txn: 4, read: 2, poll: 4 })).toBe(10);
  });
});

/** Counts the commits and reads of clients, of which a line of so many takes as many at least. */
function meterOf(clients: readonly { readonly store: object }[]): LineMeter {
  const counts = { commit: 0, read: 0 };
  for (const { store } of clients) {
    for (const kind of ['commit', 'read'] as const) {
      const call = Reflect.get(store, kind) as (...args: unknown[]) => unknown;
      Reflect.set(store, kind, (...args: unknown[]) => {
        counts[kind]++;
        return call.apply(store, args);
      });
    }
  }
  return {
    requests: () => ({ ...counts }),
    growth: () => [counts.commit],
    grownBy: (waiters) => waiters + 1,
    quietMs: 20,
  };
}

describe('a line that is let go', () => {
  it('counts the handoffs apart from the lining up, over as many lines as it takes', async () => {
    const cluster = memoryCluster();
    const clients = [cluster.client(), cluster.client(), cluster.client()];
    const line = new LineDrain('test', clients, meterOf(clients));
    const { handoffs, requests, lineUpRequests } = await line.drain(40, 100);
    await Promise.all(clients.map((client) => client.close()));
    // Three lines of 40: everybody joins with a commit and is let in by a read. All but the last release to somebody.
    expect(handoffs).toBe(120);
    expect(lineUpRequests).toEqual({ commit: 123, read: 0 });
    expect(requests).toEqual({ commit: 120, read: 120 });
  });
});
