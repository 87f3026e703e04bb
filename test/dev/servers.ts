import { startDevServer } from 'coterie/dev';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { RawClient } from './wire.js';

/** What a test of both servers has: a client, and keys of its own. */
export interface Api {
  readonly name: 'coterie dev' | 'etcd 3.5';
  readonly endpoint: string;
  client: RawClient;
  /** Begins every key of the test, and no key of another. */
  prefix: string;
}

interface Running {
  readonly endpoint: string;
  stop(): Promise<void>;
}

async function startReal(): Promise<Running> {
  // The shortest lease follows from the time that an election takes: with etcd's own settings it is two seconds.
  const usual = ['--heartbeat-interval=100', '--election-timeout=1000'];
  const flags = [...usual, '--experimental-watch-progress-notify-interval=200ms'];
  const cluster = await startEtcd({ version: '3.5', nodes: 1, flags });
  return { endpoint: cluster.endpoints[0] ?? '', stop: () => cluster.stop() };
}

async function startOurs(): Promise<Running> {
  const server = await startDevServer({ progressNotifyMs: 200 });
  return { endpoint: server.endpoint, stop: () => server.close() };
}

/** Defines tests that have to end alike on etcd itself and on the dev server: what etcd says is what is right. */
export async function onBoth(tests: (api: Api) => void): Promise<void> {
  const real = await hasServer('etcd-3.5');
  for (const [name, start] of [
    ['etcd 3.5', startReal],
    ['coterie dev', startOurs],
  ] as const) {
    describe.skipIf(name === 'etcd 3.5' && !real)(name, () => {
      let running: Running | undefined;
      let count = 0;
      const api = { name, endpoint: '', prefix: '', client: undefined as unknown as RawClient };
      beforeAll(async () => {
        running = await start();
        api.endpoint = running.endpoint;
      });
      afterAll(() => running?.stop());
      beforeEach(() => {
        api.client = new RawClient(api.endpoint);
        api.prefix = `t${String(++count).padStart(3, '0')}/`;
      });
      afterEach(() => api.client.close());
      tests(api);
    });
  }
}
