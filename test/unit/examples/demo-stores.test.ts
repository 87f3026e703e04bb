/** Who plays on one store loads nothing of another. */
import type * as consulEntry from 'coterie/consul';
import { afterEach, expect, it, vi } from 'vitest';
import { openClient } from '../../../examples/demo/stores.js';

const loaded: string[] = [];

vi.mock('coterie/etcd', () => {
  loaded.push('etcd');
  return { etcd: () => undefined };
});

vi.mock('coterie/consul', async (importOriginal) => {
  loaded.push('consul');
  return await importOriginal<typeof consulEntry>();
});

afterEach(() => {
  loaded.length = 0;
  vi.resetModules();
});

it('Consul needs no gRPC', async () => {
  await using client = await openClient({ kind: 'consul', address: 'http://127.0.0.1:1' }, 10_000);
  expect(client.store.traits).toMatchObject({ name: 'consul', minTtlMs: 10_000, ttlFactor: 2 });
  expect(loaded).toEqual(['consul']);
});

it('etcd needs no Consul', async () => {
  await openClient({ kind: 'etcd', endpoints: ['http://127.0.0.1:1'] }, 2_000);
  expect(loaded).toEqual(['etcd']);
});

it('asks Consul for a shorter time to live where it is told to, and for none that is longer than its shortest', async () => {
  const servers = { kind: 'consul', address: 'http://127.0.0.1:1' } as const;
  await using short = await openClient(servers, 2_000);
  await using long = await openClient(servers, 60_000);
  expect([short, long].map(({ store }) => store.traits.minTtlMs)).toEqual([2_000, 10_000]);
});
