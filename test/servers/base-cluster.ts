import { join } from 'node:path';
import type { StartedNetwork } from 'testcontainers';
import { ContainerRunner, removeNetwork, startNetwork } from './container-runner.js';
import type { FoundServer } from './find.js';
import type { ServerNode } from './node.js';
import { releasePort } from './ports.js';
import { ProcessRunner } from './process-runner.js';
import type { Cluster, ClusterNode, Mode, Runner } from './types.js';
import { waitFor } from './wait.js';

/** What clusters of every kind have in common. */
export abstract class BaseCluster implements Cluster {
  abstract readonly kind: Cluster['kind'];
  readonly version: string;
  readonly mode: Mode;
  readonly nodes: readonly ServerNode[];
  readonly #site: Site;

  constructor(server: FoundServer, nodes: readonly ServerNode[], site: Site) {
    this.version = server.version;
    this.mode = server.mode;
    this.nodes = nodes;
    this.#site = site;
  }

  get endpoints(): readonly string[] {
    return this.nodes.map((node) => node.endpoint);
  }

  async waitHealthy(timeoutMs = 30_000): Promise<void> {
    const running = this.nodes.filter((node) => node.state === 'running');
    await Promise.all(running.map((node) => node.waitHealthy(timeoutMs)));
  }

  async leader(timeoutMs = 15_000): Promise<ClusterNode> {
    return waitFor(() => this.findLeader(this.nodes.filter((node) => node.state === 'running')), {
      timeoutMs,
      what: `a leader of ${this.kind} ${this.version}`,
    });
  }

  /** The leader as a majority sees it, if there is one now. */
  protected abstract findLeader(running: readonly ServerNode[]): Promise<ServerNode | undefined>;

  /** Starts all nodes and waits for them; whatever was started ends again if that fails. */
  async startAll(): Promise<this> {
    try {
      await Promise.all(this.nodes.map((node) => node.start()));
      await this.waitHealthy();
      return this;
    } catch (error) {
      await this.stop().catch(() => {});
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.remove()));
    await this.#site.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export interface Launch {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Port in the container to port on this machine. */
  readonly ports: ReadonlyMap<number, number>;
  /** File on this machine to path in the container. */
  readonly files?: ReadonlyMap<string, string>;
}

/** What the nodes of one cluster share: the ports taken, the network between containers. */
export class Site {
  readonly #server: FoundServer;
  readonly #ports: readonly number[];
  readonly #network: StartedNetwork | undefined;

  private constructor(server: FoundServer, ports: readonly number[], network: StartedNetwork | undefined) {
    this.#server = server;
    this.#ports = ports;
    this.#network = network;
  }

  static async open(server: FoundServer, ports: readonly number[]): Promise<Site> {
    return new Site(server, ports, server.mode === 'container' ? await startNetwork() : undefined);
  }

  /** The directory is for data and log of a process; a container has its own. */
  runner(launch: Launch, dir: string): Runner {
    const { image, bin } = this.#server;
    if (this.#network !== undefined && image !== undefined) {
      return new ContainerRunner({ ...launch, entrypoint: launch.program, image, network: this.#network });
    }
    if (bin === undefined) throw new Error(`no program ${launch.program}`);
    return new ProcessRunner({ program: join(bin, launch.program), args: launch.args, dir });
  }

  async remove(): Promise<void> {
    if (this.#network !== undefined) await removeNetwork(this.#network);
    for (const port of this.#ports) releasePort(port);
  }
}
