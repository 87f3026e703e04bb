import { freePorts, get, type Program, type RunningServer, startServer } from './server.js';

const program: Program = {
  name: 'etcd',
  fetched: 'etcd-3.5',
  askVersion: '--version',
  version: /etcd Version: 3\.5\./,
  remedy: 'No etcd 3.5: run scripts/servers fetch etcd-3.5, put one on PATH, or give --endpoints.',
};

/** An etcd of one member, for one run. */
export async function startEtcd(fsync: boolean): Promise<RunningServer> {
  const [client = 0, peer = 0] = await freePorts(2);
  const [endpoint, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  return await startServer(program, {
    endpoint,
    flags: (dataDir) => [
      ...['--name=bench', `--data-dir=${dataDir}`, `--initial-cluster=bench=${peerUrl}`],
      ...[`--listen-client-urls=${endpoint}`, `--advertise-client-urls=${endpoint}`],
      ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
      ...['--logger=zap', '--log-level=error', '--quota-backend-bytes=8589934592'],
      ...(fsync ? [] : ['--unsafe-no-fsync']),
    ],
    isHealthy: async () => (await get(endpoint, '/health'))?.includes('"true"') === true,
  });
}

/** What an etcd says of its version. Rejects where none answers. */
export async function etcdVersion(endpoint: string): Promise<string> {
  const answer = (await get(endpoint, '/version')) ?? '';
  const version = /"etcdserver":"([^"]+)"/.exec(answer)?.[1];
  if (version === undefined) throw new Error(`No etcd answers at ${endpoint}.`);
  return version;
}
