import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { BaseCluster, type Launch, Site } from './base-cluster.js';
import { DATA_DIR } from './container-runner.js';
import { type FoundServer, needServer } from './find.js';
import { ServerNode } from './node.js';
import { takePorts } from './ports.js';
import { type RunOptions, type RunResult, run } from './run.js';
import type { EtcdCluster, Mode } from './types.js';
import { httpGet } from './wait.js';
import { forget, remember, scratchDir } from './watchdog.js';

export interface EtcdTls {
  /** Path of the authority's certificate: the servers and, with clientCertAuth, the clients are checked with it. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** What etcdctl shows; default: the servers' own certificate. */
  readonly clientCert?: string;
  readonly clientKey?: string;
}

export interface EtcdOptions {
  readonly version: '3.4' | '3.5';
  readonly nodes: 1 | 3;
  readonly mode?: Mode;
  /** More flags for the servers; they win over the ones set here. */
  readonly flags?: readonly string[];
  readonly tls?: EtcdTls;
  readonly clientCertAuth?: boolean;
}

interface Ports {
  readonly client: number;
  readonly peer: number;
  readonly metrics: number;
}

/** The addresses of a node, as it listens and as others know it. */
interface Place {
  readonly name: string;
  readonly host: string;
  readonly listen: string;
  readonly inside: Ports;
  readonly outside: Ports;
  readonly dataDir: string;
  readonly dir: string;
}

const INSIDE: Ports = { client: 2379, peer: 2380, metrics: 2381 };
const CERT_DIR = '/coterie-certs';

function places(names: readonly string[], mode: Mode, ports: readonly number[]): Place[] {
  return names.map((name, i) => {
    const [client = 0, peer = 0, metrics = 0] = ports.slice(i * 3);
    const outside = { client, peer, metrics };
    if (mode === 'container') {
      return { name, host: name, listen: '0.0.0.0', inside: INSIDE, outside, dataDir: DATA_DIR, dir: '' };
    }
    const dir = scratchDir(name);
    return { name, host: '127.0.0.1', listen: '127.0.0.1', inside: outside, outside, dataDir: join(dir, 'data'), dir };
  });
}

function tlsFlags({ tls, clientCertAuth }: EtcdOptions, mode: Mode): string[] {
  if (tls === undefined) return [];
  const at = (file: 'ca' | 'cert' | 'key') => (mode === 'container' ? `${CERT_DIR}/${file}.pem` : tls[file]);
  const flags = [`--cert-file=${at('cert')}`, `--key-file=${at('key')}`];
  return clientCertAuth === true ? [...flags, '--client-cert-auth', `--trusted-ca-file=${at('ca')}`] : flags;
}

function tlsFiles({ tls }: EtcdOptions): ReadonlyMap<string, string> {
  if (tls === undefined) return new Map();
  return new Map((['ca', 'cert', 'key'] as const).map((file) => [tls[file], `${CERT_DIR}/${file}.pem`]));
}

function launch(options: EtcdOptions, mode: Mode, place: Place, all: readonly Place[]): Launch {
  const { name, host, listen, inside, outside, dataDir } = place;
  const scheme = options.tls === undefined ? 'http' : 'https';
  const args = [
    `--name=${name}`,
    `--data-dir=${dataDir}`,
    `--listen-client-urls=${scheme}://${listen}:${inside.client}`,
    `--advertise-client-urls=${scheme}://127.0.0.1:${outside.client}`,
    `--listen-peer-urls=http://${listen}:${inside.peer}`,
    `--initial-advertise-peer-urls=http://${host}:${inside.peer}`,
    `--initial-cluster=${all.map((each) => `${each.name}=http://${each.host}:${each.inside.peer}`).join(',')}`,
    // Health and leadership must be told also where clients need a certificate.
    `--listen-metrics-urls=http://${listen}:${inside.metrics}`,
    '--heartbeat-interval=50',
    '--election-timeout=500',
    '--snapshot-count=10000',
    '--auto-compaction-retention=0',
    '--logger=zap',
    '--log-level=warn',
    // What is written survives the kill of a process also without it; only a crash of the machine would lose it.
    ...(options.version === '3.5' ? ['--unsafe-no-fsync'] : []),
    ...tlsFlags(options, mode),
    ...(options.flags ?? []),
  ];
  const ports = new Map([
    [inside.client, outside.client],
    [inside.metrics, outside.metrics],
  ]);
  return { name, program: 'etcd', args, ports, files: tlsFiles(options) };
}

/** A cluster with an etcdctl for it. */
export class Etcd extends BaseCluster implements EtcdCluster {
  readonly kind = 'etcd';
  readonly #bin: string | undefined;
  readonly #tls: EtcdTls | undefined;
  readonly #metrics: ReadonlyMap<ServerNode, string>;
  readonly #clients = new Set<ChildProcess>();

  constructor(
    server: FoundServer,
    nodes: readonly ServerNode[],
    site: Site,
    metrics: ReadonlyMap<ServerNode, string>,
    tls: EtcdTls | undefined,
  ) {
    super(server, nodes, site);
    this.#bin = server.bin;
    this.#metrics = metrics;
    this.#tls = tls;
  }

  #command(args: readonly string[]): [program: string, args: string[]] {
    if (this.#bin === undefined) throw new Error('no etcdctl here: run scripts/servers fetch');
    const defaults: Record<string, string> = { '--endpoints': this.endpoints.join(',') };
    if (this.#tls !== undefined) {
      defaults['--cacert'] = this.#tls.ca;
      defaults['--cert'] = this.#tls.clientCert ?? this.#tls.cert;
      defaults['--key'] = this.#tls.clientKey ?? this.#tls.key;
    }
    const given = (flag: string) => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
    const flags = Object.entries(defaults).filter(([flag]) => !given(flag));
    return [join(this.#bin, 'etcdctl'), [...flags.map(([flag, value]) => `${flag}=${value}`), ...args]];
  }

  async etcdctl(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [program, all] = this.#command(args);
    return run(program, all, {
      timeoutMs: 30_000,
      ...options,
      env: { ...process.env, ETCDCTL_API: '3', ...options.env },
    });
  }

  spawnEtcdctl(args: readonly string[]): ChildProcess {
    const [program, all] = this.#command(args);
    const child = spawn(program, all, { stdio: 'pipe', env: { ...process.env, ETCDCTL_API: '3' } });
    const pid = String(child.pid);
    this.#clients.add(child);
    remember('pid', pid);
    child.once('exit', () => {
      this.#clients.delete(child);
      forget('pid', pid);
    });
    return child;
  }

  protected async findLeader(running: readonly ServerNode[]): Promise<ServerNode | undefined> {
    const claims = await Promise.all(running.map((node) => this.#isLeader(node).catch(() => false)));
    return running[claims.indexOf(true)];
  }

  /** A leader that was cut off may believe in itself for a while; the read behind /health needs a majority. */
  async #isLeader(node: ServerNode): Promise<boolean> {
    const url = this.#metrics.get(node);
    const { body } = await httpGet(`${url}/metrics`);
    return /^etcd_server_is_leader 1$/m.test(body) && isHealthy(`${url}/health`);
  }

  override async stop(): Promise<void> {
    for (const client of this.#clients) client.kill('SIGKILL');
    await super.stop();
  }
}

async function isHealthy(url: string): Promise<boolean> {
  const { status, body } = await httpGet(url);
  return status === 200 && (JSON.parse(body) as { health?: unknown }).health === 'true';
}

/** Starts a cluster and waits until all its nodes are healthy. */
export async function startEtcd(options: EtcdOptions): Promise<EtcdCluster> {
  const server = await needServer(`etcd-${options.version}`, options.mode);
  const id = randomBytes(4).toString('hex');
  const names = Array.from({ length: options.nodes }, (_, i) => `coterie-etcd-${id}-${i + 1}`);
  const ports = await takePorts(options.nodes * 3);
  const site = await Site.open(server, ports);
  const all = places(names, server.mode, ports);
  const metrics = new Map<ServerNode, string>();
  const nodes = all.map((place) => {
    const { name, dir, outside } = place;
    const url = `http://127.0.0.1:${outside.metrics}`;
    const node = new ServerNode({
      name,
      endpoint: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${outside.client}`,
      runner: site.runner(launch(options, server.mode, place, all), dir),
      isHealthy: () => isHealthy(`${url}/health`),
    });
    metrics.set(node, url);
    return node;
  });
  const cluster = new Etcd(server, nodes, site, metrics, options.tls);
  return cluster.startAll();
}
