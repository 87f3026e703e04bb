import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { BaseCluster, type Launch, Site } from './base-cluster.js';
import { DATA_DIR } from './container-runner.js';
import { type FoundServer, needServer } from './find.js';
import { type NodeOptions, ServerNode } from './node.js';
import { takePorts } from './ports.js';
import { type RunOptions, type RunResult, run } from './run.js';
import type { ConsulCluster, Mode } from './types.js';
import { httpGet } from './wait.js';
import { scratchDir } from './watchdog.js';

export interface ConsulOptions {
  readonly nodes: 1 | 3;
  readonly mode?: Mode;
  /** More flags for the agents, e.g. `-hcl=session_ttl_min="1s"`. */
  readonly flags?: readonly string[];
}

interface Place {
  readonly name: string;
  readonly http: number;
  readonly args: readonly string[];
  /** Where the other agents reach its gossip. */
  readonly gossip: string;
  readonly dir: string;
}

const HTTP = 8500;

function inContainer(name: string, http: number): Place {
  const args = [`-data-dir=${DATA_DIR}`, '-bind=0.0.0.0', '-client=0.0.0.0', `-http-port=${HTTP}`];
  return { name, http, args, gossip: name, dir: '' };
}

function asProcess(name: string, [http = 0, server = 0, gossip = 0]: readonly number[]): Place {
  const dir = scratchDir(name);
  const args = [
    `-data-dir=${join(dir, 'data')}`,
    '-bind=127.0.0.1',
    '-client=127.0.0.1',
    `-http-port=${http}`,
    `-server-port=${server}`,
    `-serf-lan-port=${gossip}`,
  ];
  return { name, http, args, gossip: `127.0.0.1:${gossip}`, dir };
}

function launch(options: ConsulOptions, place: Place, all: readonly Place[]): Launch {
  const others = all.filter((each) => each !== place);
  const args = [
    'agent',
    '-server',
    `-bootstrap-expect=${options.nodes}`,
    `-node=${place.name}`,
    ...place.args,
    ...others.map((each) => `-retry-join=${each.gossip}`),
    '-retry-interval=1s',
    '-serf-wan-port=-1',
    '-dns-port=-1',
    '-grpc-port=-1',
    '-disable-host-node-id',
    '-log-level=warn',
    '-hcl=disable_update_check = true',
    // The fastest elections it offers.
    '-hcl=performance { raft_multiplier = 1 }',
    ...(options.flags ?? []),
  ];
  return { name: place.name, program: 'consul', args, ports: new Map([[HTTP, place.http]]) };
}

/** A read that the leader must confirm; it passes also where the key is not there, or not to be read. */
async function isServing(endpoint: string): Promise<boolean> {
  const leader = await httpGet(`${endpoint}/v1/status/leader`);
  if (leader.status !== 200 || leader.body.trim() === '""') return false;
  const { status } = await httpGet(`${endpoint}/v1/kv/coterie-health?consistent`);
  return status < 500;
}

interface RaftConfiguration {
  readonly Servers: readonly { readonly Node: string; readonly Leader: boolean; readonly Voter: boolean }[];
}

/** The servers as their leader knows them, whoever is asked; undefined where that is not to be told. */
async function serversAt(endpoint: string): Promise<RaftConfiguration['Servers'] | undefined> {
  const { status, body } = await httpGet(`${endpoint}/v1/operator/raft/configuration`);
  return status === 200 ? (JSON.parse(body) as RaftConfiguration).Servers : undefined;
}

/** Whether it serves, has its vote, without which the others may not be enough, and is in the catalog, as sessions need. */
async function isHealthy(endpoint: string, name: string): Promise<boolean> {
  if (!(await isServing(endpoint))) return false;
  const servers = await serversAt(endpoint);
  if (servers?.some(({ Node, Voter }) => Node === name && Voter) !== true) return false;
  const { body } = await httpGet(`${endpoint}/v1/catalog/node/${name}`);
  return body.trim() !== 'null';
}

/**
 * A node that starts after those before it that are to start as well. A container engine gives each the lowest address
 * that is free, so that in this order each gets its own again: one that comes back at the address of another is a new
 * server to Consul, and has no vote for twenty seconds.
 */
class ConsulNode extends ServerNode {
  readonly #queue: { last: Promise<unknown> };

  constructor(options: NodeOptions, queue: { last: Promise<unknown> }) {
    super(options);
    this.#queue = queue;
  }

  override start(): Promise<void> {
    const started = this.#queue.last.then(() => super.start());
    // Whoever asked for it is told of a failure.
    this.#queue.last = started.catch(() => {});
    return started;
  }
}

class Consul extends BaseCluster implements ConsulCluster {
  readonly kind = 'consul';
  readonly #bin: string | undefined;

  constructor(server: FoundServer, nodes: readonly ServerNode[], site: Site) {
    super(server, nodes, site);
    this.#bin = server.bin;
  }

  async consul(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    if (this.#bin === undefined) throw new Error('no consul here: run scripts/servers fetch');
    const env = { ...process.env, CONSUL_HTTP_ADDR: this.endpoints[0], ...options.env };
    return run(join(this.#bin, 'consul'), args, { timeoutMs: 30_000, ...options, env });
  }

  protected async findLeader(running: readonly ServerNode[]): Promise<ServerNode | undefined> {
    for (const node of running) {
      try {
        const servers = await serversAt(node.endpoint);
        if (servers === undefined || !(await isServing(node.endpoint))) continue;
        const leader = servers.find((each) => each.Leader)?.Node;
        return running.find((each) => each.name === leader);
      } catch {
        // The next one may know.
      }
    }
    return undefined;
  }
}

/** Starts a cluster and waits until all its nodes are healthy. */
export async function startConsul(options: ConsulOptions): Promise<ConsulCluster> {
  const server = await needServer('consul-1.8', options.mode);
  const id = randomBytes(4).toString('hex');
  const names = Array.from({ length: options.nodes }, (_, i) => `coterie-consul-${id}-${i + 1}`);
  const ports = await takePorts(options.nodes * 3);
  const site = await Site.open(server, ports);
  const all = names.map((name, i) => {
    const own = ports.slice(i * 3);
    return server.mode === 'container' ? inContainer(name, own[0] ?? 0) : asProcess(name, own);
  });
  const queue = { last: Promise.resolve() };
  const nodes = all.map((place) => {
    const { name } = place;
    const endpoint = `http://127.0.0.1:${place.http}`;
    const runner = site.runner(launch(options, place, all), place.dir);
    return new ConsulNode({ name, endpoint, runner, isHealthy: () => isHealthy(endpoint, name) }, queue);
  });
  return new Consul(server, nodes, site).startAll();
}
