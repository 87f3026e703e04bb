import { type Client, type ClientOptions, put } from 'coterie';
import { type EtcdOptions, type EtcdStore, etcd } from 'coterie/etcd';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { type EtcdCluster, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { type FaultProxy, startProxy } from '../servers/proxy.js';
import { Program } from './program.js';
import { until } from './tools.js';

/** For sessions that are to run out in the test. The shortest that etcd grants with its own default settings. */
export const shortTtlMs = 2_000;

/**
 * For sessions that are not: so long that nothing which a test sees within its time can come from a renewal, or from the
 * look that a waiter takes once per TTL in case an event was lost. It must have come from an event.
 */
const longTtlMs = 60_000;

/** etcd looks for leases that have run out every 500 ms, and removes them by a write; the rest is for a busy machine. */
export const expirySlackMs = 1_500;

type Options = Partial<EtcdOptions> & ClientOptions;

/** A client whose connections go through a proxy. */
export interface Proxied {
  readonly client: Client<EtcdStore>;
  readonly proxy: FaultProxy;
}

/** One etcd cluster for a file, and for each test a path of its own and whatever it opens. */
export class EtcdWorld {
  readonly version: '3.4' | '3.5';
  #cluster: EtcdCluster | undefined;
  #admin: Client<EtcdStore> | undefined;
  #tests = 0;
  #expiring = false;
  #clients: Client<EtcdStore>[] = [];
  #proxies: FaultProxy[] = [];
  #programs: Program[] = [];

  constructor(version: '3.4' | '3.5') {
    this.version = version;
  }

  async start(nodes: 1 | 3): Promise<void> {
    this.#cluster = await startEtcd({ version: this.version, nodes });
    this.#admin = etcd({ endpoints: this.cluster.endpoints, host: 'admin' });
  }

  async stop(): Promise<void> {
    await this.#admin?.close();
    await this.#cluster?.stop();
  }

  get cluster(): EtcdCluster {
    if (this.#cluster === undefined) throw new Error('The cluster was not started.');
    return this.#cluster;
  }

  /** A client that the test leaves alone: it sees what is really in the store. */
  get admin(): Client<EtcdStore> {
    if (this.#admin === undefined) throw new Error('The cluster was not started.');
    return this.#admin;
  }

  /** All keys of this test lie under it. */
  get path(): string {
    return `/system/${this.#tests}`;
  }

  begin(): void {
    this.#tests++;
    this.#expiring = false;
  }

  /** Ends whatever the test has opened; then nothing of it may be left in the store. */
  async end(): Promise<void> {
    for (const proxy of this.#proxies) proxy.heal();
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await Promise.all(this.#programs.map((program) => program.end('SIGINT')));
    this.#clients = [];
    this.#proxies = [];
    this.#programs = [];
    const timeoutMs = shortTtlMs + expirySlackMs;
    if (this.#expiring) await until('all tickets gone', async () => (await this.keys()).length === 0, { timeoutMs });
    expect(await this.keys()).toEqual([]);
  }

  /** The test leaves leases behind that nobody revokes: they have until their end to take their keys along. */
  leavesLeases(): void {
    this.#expiring = true;
  }

  client(options: Options = {}): Client<EtcdStore> {
    const host = `host-${this.#clients.length}`;
    const client = etcd({ endpoints: this.cluster.endpoints, ttlMs: longTtlMs, host, ...options });
    this.#clients.push(client);
    return client;
  }

  clients(count: number, options: Options = {}): Client<EtcdStore>[] {
    return Array.from({ length: count }, () => this.client(options));
  }

  async proxied(options: Options = {}): Promise<Proxied> {
    const { hostname, port } = new URL(this.cluster.endpoints[0] ?? '');
    const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
    this.#proxies.push(proxy);
    return { client: this.client({ ...options, endpoints: proxy.url }), proxy };
  }

  /** Starts an etcdctl that runs beside the test. */
  etcdctl(...args: string[]): Program {
    return this.watchOver(new Program(this.cluster.spawnEtcdctl(args)));
  }

  /** Ends the program with the test. */
  watchOver(program: Program): Program {
    this.#programs.push(program);
    return program;
  }

  /** Runs an etcdctl to its end, which must be a good one. */
  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cluster.etcdctl(args);
    expect(code, stderr).toBe(0);
    return stdout.trimEnd();
  }

  /** The keys under a path of the test in the store, by age. */
  async keys(path: string = this.path): Promise<string[]> {
    const { entries } = await this.admin.store.read({ prefix: `${path}/`, order: 'oldest' });
    return entries.map(({ key }) => key);
  }

  /** Waits until so many keys lie under a path, and gives them, by age. */
  keysOnce(count: number, path: string = this.path): Promise<string[]> {
    return until(`${count} keys under ${path}`, async () => {
      const keys = await this.keys(path);
      return keys.length === count ? keys : undefined;
    });
  }

  /** Makes the store forget all that was before now. */
  async compact(): Promise<void> {
    // A revision of its own each time: etcd refuses to compact to the same one twice.
    const { revision } = await this.admin.store.commit([], [put('/system-compacted', this.path)]);
    await this.run('compact', String(revision));
  }

  /** Whether the store has a lease. */
  async hasLease(lease: string): Promise<boolean> {
    return (await this.run('lease', 'list')).split('\n').includes(lease);
  }
}

/** Defines the same tests for every version of etcd, on a cluster for each. */
export async function forEachEtcd(define: (etcd: EtcdWorld) => void, nodes: 1 | 3 = 1): Promise<void> {
  for (const version of ['3.4', '3.5'] as const) {
    const found = await hasServer(`etcd-${version}`);
    describe.skipIf(!found)(`etcd ${version}, ${nodes === 1 ? 'one node' : 'three nodes'}`, () => {
      const world = new EtcdWorld(version);
      beforeAll(() => world.start(nodes));
      afterAll(() => world.stop());
      beforeEach(() => world.begin());
      afterEach(() => world.end());
      define(world);
    });
  }
}
