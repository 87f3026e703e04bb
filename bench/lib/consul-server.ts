import { freePorts, get, type Program, type RunningServer, startServer } from './server.js';

const program: Program = {
  name: 'consul',
  fetched: 'consul-1.8',
  askVersion: 'version',
  version: /Consul v1\.(?:[89]|\d\d)\./,
  remedy: 'No Consul: run scripts/servers fetch consul-1.8, put one on PATH, or give --consul.',
};

const node = 'bench';

/** A Consul of one server, for one run: what it is not told otherwise is as by default, limits and times to live too. */
export async function startConsul(): Promise<RunningServer> {
  const [http = 0, rpc = 0, gossip = 0] = await freePorts(3);
  const endpoint = `http://127.0.0.1:${http}`;
  return await startServer(program, {
    endpoint,
    flags: (dataDir) => [
      ...['agent', '-server', '-bootstrap-expect=1', `-node=${node}`, '-disable-host-node-id'],
      ...[`-data-dir=${dataDir}`, '-bind=127.0.0.1', '-client=127.0.0.1'],
      ...[`-http-port=${http}`, `-server-port=${rpc}`, `-serf-lan-port=${gossip}`],
      ...['-serf-wan-port=-1', '-dns-port=-1', '-grpc-port=-1', '-log-level=warn'],
      ...['-hcl=disable_update_check = true', '-hcl=performance { raft_multiplier = 1 }'],
    ],
    // Sessions need the server to be in its own catalog.
    isHealthy: async () => (await get(endpoint, `/v1/catalog/node/${node}`))?.includes(`"${node}"`) === true,
  });
}

/** What a Consul says of its version. Rejects where none answers. */
export async function consulVersion(endpoint: string): Promise<string> {
  const answer = (await get(endpoint, '/v1/agent/self')) ?? '';
  const version = /"Version":\s*"([^"]+)"/.exec(answer)?.[1];
  if (version === undefined) throw new Error(`No Consul answers at ${endpoint}.`);
  return version;
}
