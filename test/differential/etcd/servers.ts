import { startDev, startEtcd } from '../../servers/cluster.js';
import type { EtcdCluster } from '../../servers/types.js';
import type { Pair } from './play.js';
import { Side } from './side.js';
import type { Tamper } from './watch-stream.js';

/** A server and how it is ended. */
export interface RunningServer {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A real etcd 3.5 with the timing that is its default, on which the shortest lease depends. */
async function realEtcd(): Promise<RunningServer> {
  const flags = ['--election-timeout=1000', '--heartbeat-interval=100'];
  return only(await startEtcd({ version: '3.5', nodes: 1, flags }));
}

/** `coterie dev --data`, as the process that users start. */
async function devServer(): Promise<RunningServer> {
  return only(await startDev('3.5'));
}

function only(cluster: EtcdCluster): RunningServer {
  return { endpoint: cluster.endpoints[0] ?? '', stop: () => cluster.stop() };
}

/** Two servers with a connection to each. */
export interface RunningPair {
  readonly pair: Pair;
  stop(): Promise<void>;
}

async function running(servers: readonly [RunningServer, RunningServer], tamper?: Tamper): Promise<RunningPair> {
  const pair = [new Side(servers[0].endpoint), new Side(servers[1].endpoint, tamper)] as const;
  const stop = async (): Promise<void> => {
    for (const side of pair) side.close();
    await Promise.all(servers.map((server) => server.stop()));
  };
  return { pair, stop };
}

/** A real etcd beside the embedded server. */
export async function etcdAndDevServer(): Promise<RunningPair> {
  return running(await Promise.all([realEtcd(), devServer()]));
}

/** A real etcd beside another one, of whose answers some may be altered. */
export async function etcdTwice(tamper?: Tamper): Promise<RunningPair> {
  return running(await Promise.all([realEtcd(), realEtcd()]), tamper);
}
