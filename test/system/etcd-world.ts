import { type Client, type ClientOptions, put } from 'coterie';
import { type EtcdStore, etcd } from 'coterie/etcd';
import { expect } from 'vitest';
import { type EtcdCluster, startDev, startEtcd } from '../servers/cluster.js';
import { Program } from './program.js';
import { type Counts, StoreWorld } from './store-world.js';
import { at } from './tools.js';

/** A world on etcd. */
export class EtcdWorld extends StoreWorld<EtcdStore, EtcdCluster> {
  readonly name: string;
  readonly #version: '3.4' | '3.5';
  #admin: Client<EtcdStore> | undefined;

  constructor(version: '3.4' | '3.5', name = `etcd ${version}`) {
    super();
    this.name = name;
    this.#version = version;
  }

  protected startCluster(nodes: 1 | 3): Promise<EtcdCluster> {
    return startEtcd({ version: this.#version, nodes });
  }

  override async stop(): Promise<void> {
    await this.#admin?.close();
    await super.stop();
  }

  get admin(): Client<EtcdStore> {
    this.#admin ??= this.connect(this.cluster.endpoints, { host: 'admin' });
    return this.#admin;
  }

  protected connect(endpoints: readonly string[], options: ClientOptions): Client<EtcdStore> {
    return etcd({ endpoints, ...options });
  }

  protected counts({ stats }: EtcdStore): Counts {
    const { unary, watchCreates, streamsOpened, openStreams } = stats;
    return { ranges: unary['Range'] ?? 0, txns: unary['Txn'] ?? 0, watchCreates, streamsOpened, openStreams };
  }

  /** By the reads: a watch begins with one, and nothing else of a waiting line does until there is a handoff. */
  areWatching(watches: readonly number[]): boolean {
    return this.sentByEach().every(({ ranges = 0 }, i) => ranges >= at(watches, i));
  }

  expectHandoffCost(handoffs: number, sent: Counts): void {
    expect(sent).toEqual({ ranges: handoffs, txns: handoffs, watchCreates: 0, streamsOpened: 0, openStreams: 0 });
  }

  /** All watches of a client share one stream, and all its renewals another. */
  expectSharing(watches: readonly number[]): void {
    const streams = { streamsOpened: 2, openStreams: 2 };
    expect(this.sentByEach()).toMatchObject(watches.map((watchCreates) => ({ watchCreates, ...streams })));
  }

  get url(): string {
    return `etcd://${this.cluster.endpoints.map((endpoint) => new URL(endpoint).host).join(',')}`;
  }

  /** All there are: a client that knows more than one node turns to another by itself. */
  endpointsDespite(): readonly string[] {
    return this.cluster.endpoints;
  }

  /** Starts an etcdctl that runs beside the test. */
  etcdctl(...args: string[]): Program {
    return this.watchOver(new Program(this.cluster.spawnEtcdctl(args)));
  }

  /** Runs an etcdctl to its end, which must be a good one. */
  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cluster.etcdctl(args);
    expect(code, stderr).toBe(0);
    return stdout.trimEnd();
  }

  /** Makes the store forget all that was before now. */
  async compact(): Promise<void> {
    // A revision of its own each time: etcd refuses to compact to the same one twice.
    const { revision } = await this.admin.store.commit([], [put('/system-compacted', this.path)]);
    await this.run('compact', String(revision));
  }

  async leases(): Promise<string[]> {
    return (await this.run('lease', 'list')).split('\n').slice(1);
  }

  /** Whether the store has a lease. */
  async hasLease(lease: string): Promise<boolean> {
    return (await this.leases()).includes(lease);
  }

  async revoke(lease: string): Promise<void> {
    expect(await this.run('lease', 'revoke', lease)).toContain('revoked');
  }

  async remove(key: string): Promise<void> {
    expect(await this.run('del', key)).toBe('1');
  }

  async takeOffLease(key: string): Promise<void> {
    await this.run('put', key, 'mine now');
  }
}

/** A world on `coterie dev`, with the etcdctl of etcd 3.5. */
export class DevWorld extends EtcdWorld {
  constructor() {
    super('3.5', 'coterie dev');
  }

  protected override startCluster(): Promise<EtcdCluster> {
    return startDev();
  }
}
