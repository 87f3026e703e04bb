import type { Client, ClientOptions } from 'coterie';
import { type ConsulStore, consul } from 'coterie/consul';
import { expect } from 'vitest';
import { type ClusterNode, type ConsulCluster, startConsul } from '../servers/cluster.js';
import { type Counts, StoreWorld } from './store-world.js';
import { at } from './tools.js';

/** So that sessions can run out within a test. Consul's own default for the shortest is 10 s. */
const minTtlMs = 1_000;

/** For watches, of each client: the default. */
const connections = 32;

interface Question {
  /** To be sent as JSON. */
  readonly body?: unknown;
  readonly endpoint?: string;
}

/** A world on Consul. Each client talks to one server, as to the agent of its machine. */
export class ConsulWorld extends StoreWorld<ConsulStore, ConsulCluster> {
  readonly name = 'Consul 1.8';
  readonly #admins = new Map<string, Client<ConsulStore>>();
  #connected = 0;

  protected startCluster(nodes: 1 | 3): Promise<ConsulCluster> {
    return startConsul({ nodes, flags: [`-hcl=session_ttl_min="${minTtlMs}ms"`] });
  }

  override async stop(): Promise<void> {
    await Promise.all([...this.#admins.values()].map((admin) => admin.close()));
    await super.stop();
  }

  /** Of a server that runs now. */
  get admin(): Client<ConsulStore> {
    const endpoint = this.#running;
    const admin = this.#admins.get(endpoint) ?? this.connect([endpoint], { host: 'admin' });
    this.#admins.set(endpoint, admin);
    return admin;
  }

  /** One server of those that are named, in turn. */
  protected connect(endpoints: readonly string[], options: ClientOptions): Client<ConsulStore> {
    const address = at(endpoints, this.#connected++ % endpoints.length);
    return consul({ address, session: { minTtlMs }, ...options });
  }

  protected counts({ stats }: ConsulStore): Counts {
    return { ...stats.requests, openPolls: stats.openPolls };
  }

  /**
   * A watch begins with a blocking query of its own, which is asked once for a first look and once to wait, or with a
   * read, where there is a query already that shows it. With more than there are connections, one query shows them all.
   */
  areWatching(watches: readonly number[]): boolean {
    return this.sentByEach().every(({ poll = 0, read = 0 }, i) => {
      const count = at(watches, i);
      return count <= connections ? poll / 2 + read >= count : read >= count - connections - 1;
    });
  }

  /**
   * Queries that clients have for each watch by itself tell of one change and are not asked again. One about a whole line
   * is asked again after each change in it, once; and thrice more: for what had changed before, and for a query of its own,
   * asked twice, that the last watch gets.
   */
  expectHandoffCost(handoffs: number, sent: Counts, watches: readonly number[]): void {
    const { read, txn, grant, poll = 0 } = sent;
    expect({ read, txn, grant }).toEqual({ read: handoffs, txn: handoffs, grant: 0 });
    const sharing = watches.filter((count) => count > connections).length;
    expect(poll).toBeLessThanOrEqual(sharing * (handoffs + 3));
  }

  /** Where a client watches more than it has connections for, all of it is seen by one query. */
  expectSharing(watches: readonly number[]): void {
    expect(Math.min(...watches)).toBeGreaterThan(connections);
    expect(this.sentByEach()).toMatchObject(watches.map(() => ({ openPolls: 1 })));
  }

  get url(): string {
    return `consul://${new URL(at(this.cluster.endpoints, 0)).host}`;
  }

  /** Those of the others: a client whose agent is gone has nowhere to turn to. */
  endpointsDespite(gone: ClusterNode): readonly string[] {
    return this.cluster.endpoints.filter((endpoint) => endpoint !== gone.endpoint);
  }

  get #running(): string {
    const node = this.cluster.nodes.find(({ state }) => state === 'running');
    if (node === undefined) throw new Error('No server runs.');
    return node.endpoint;
  }

  /** Runs the consul program to its end, which must be a good one. */
  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cluster.consul(args, { env: { CONSUL_HTTP_ADDR: this.#running } });
    expect(code, stderr).toBe(0);
    return stdout.trimEnd();
  }

  /** Asks the HTTP interface itself, which must answer well; that of a server that runs, or of this one. */
  async ask(method: 'GET' | 'PUT', path: string, { body, endpoint = this.#running }: Question = {}): Promise<unknown> {
    const signal = AbortSignal.timeout(10_000);
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${endpoint}/v1/${path}`, { method, signal, ...content });
    const text = await answer.text();
    expect(answer.status, `${path}: ${text}`).toBe(200);
    return text === '' ? undefined : JSON.parse(text);
  }

  async leases(): Promise<string[]> {
    const sessions = (await this.ask('GET', 'session/list?consistent')) as readonly { readonly ID: string }[];
    return sessions.map(({ ID }) => ID);
  }

  async revoke(lease: string): Promise<void> {
    expect(await this.ask('PUT', `session/destroy/${lease}`)).toBe(true);
  }

  async remove(key: string): Promise<void> {
    await this.run('kv', 'delete', key);
  }

  async takeOffLease(key: string): Promise<void> {
    const { entries } = await this.admin.store.read({ key });
    await this.write(key, 'mine now', '-release', `-session=${at(entries, 0).lease}`);
  }

  /** Writes to a key, as an operator would; without flags it stays with the session that has it. */
  async write(key: string, value: string, ...flags: string[]): Promise<void> {
    // Of its verbs, this is the one for which the program does not strip the slash.
    await this.run('kv', 'put', ...flags, key.replace(/^\//, ''), value);
  }
}
