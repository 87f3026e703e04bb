import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

const alias = [
  { find: /^coterie$/, replacement: source('index.ts') },
  { find: /^coterie\/testing$/, replacement: source('testing/index.ts') },
  { find: /^coterie\/(consul|dev|etcd|grpc|memory)$/, replacement: source('$1.ts') },
];

/** `unit` needs nothing but Node; `servers` runs against real etcd and Consul servers, found or brought by test/servers. */
export default defineConfig({
  test: {
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 10_000,
          // One project after the other: tests of servers measure time.
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'servers',
          include: ['test/{servers,etcd,consul,dev,system}/**/*.test.ts'],
          globalSetup: ['test/servers/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
          // More files at once than this would starve each other on two cores.
          maxWorkers: 2,
        },
      },
    ],
  },
});
