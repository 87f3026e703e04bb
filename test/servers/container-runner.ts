import { spawnSync } from 'node:child_process';
import type { ContainerRuntimeClient, StartedNetwork } from 'testcontainers';
import type { ClusterNode, Runner } from './types.js';
import { forget, remember } from './watchdog.js';

export const DATA_DIR = '/coterie-data';

export interface ContainerRunnerOptions {
  /** Also the name by which the other nodes find it. */
  readonly name: string;
  readonly image: string;
  readonly entrypoint: string;
  readonly args: readonly string[];
  /** Port in the container to port on this machine. */
  readonly ports: ReadonlyMap<number, number>;
  readonly network: StartedNetwork;
  /** File on this machine to path in the container. */
  readonly files?: ReadonlyMap<string, string>;
}

/** Loaded late: who runs servers as processes shall not pay for it. */
async function library(): Promise<typeof import('testcontainers')> {
  // Its clean-up container is an image from a registry; the watchdog does that work here.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';
  return import('testcontainers');
}

export async function startNetwork(): Promise<StartedNetwork> {
  const { Network } = await library();
  const network = await new Network().start();
  remember('network', network.getName());
  return network;
}

export async function removeNetwork(network: StartedNetwork): Promise<void> {
  await network.stop();
  forget('network', network.getName());
}

export class ContainerRunner implements Runner {
  readonly #options: ContainerRunnerOptions;
  #id: string | undefined;
  #client: ContainerRuntimeClient | undefined;
  #state: ClusterNode['state'] = 'stopped';
  #pid: number | undefined;

  constructor(options: ContainerRunnerOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  get state(): ClusterNode['state'] {
    return this.#state;
  }

  #container(): ReturnType<ContainerRuntimeClient['container']['getById']> {
    if (this.#client === undefined || this.#id === undefined) throw new Error('the container was never started');
    return this.#client.container.getById(this.#id);
  }

  async start(): Promise<void> {
    if (this.#state !== 'stopped') return;
    if (this.#id === undefined) await this.#create();
    else await this.#container().start();
    this.#state = 'running';
    const { State } = await this.#container().inspect();
    this.#pid = State.Pid > 0 ? State.Pid : undefined;
  }

  async #create(): Promise<void> {
    const { GenericContainer, StartupCheckStrategy, getContainerRuntimeClient } = await library();
    const { name, image, entrypoint, args, ports, network, files = new Map<string, string>() } = this.#options;
    // Readiness is ours to tell: one node of three is not ready before the others are up.
    const atOnce = new (class extends StartupCheckStrategy {
      override checkStartupState = async () => 'SUCCESS' as const;
    })();
    this.#client = await getContainerRuntimeClient();
    remember('container', name);
    remember('volume', name);
    const started = await new GenericContainer(image)
      .withName(name)
      // Not withNetwork: its aliases come with a second network, and then with two addresses per server.
      .withNetworkMode(network.getName())
      .withEntrypoint([entrypoint])
      .withCommand([...args])
      .withExposedPorts(...[...ports].map(([container, host]) => ({ container, host })))
      .withCopyFilesToContainer([...files].map(([source, target]) => ({ source, target })))
      // Of the ways to give it data of its own, a volume is the one that lasts over kill and start.
      .withBindMounts([{ source: name, target: DATA_DIR, mode: 'rw' }])
      .withWaitStrategy(atOnce)
      .start();
    this.#id = started.getId();
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    if (this.#state === 'paused') await this.resume();
    await this.#container().stop({ t: 10 });
    this.#ended();
  }

  async kill(): Promise<void> {
    if (this.#state === 'stopped') return;
    const container = this.#container();
    // The engine answers before the container is down, and its ports are then still taken.
    const gone = container.wait();
    // A frozen process cannot die, and the engine refuses to kill it.
    if (this.#state === 'paused') await container.unpause();
    await container.kill({ signal: 'SIGKILL' });
    await gone;
    this.#ended();
  }

  #ended(): void {
    this.#state = 'stopped';
    this.#pid = undefined;
  }

  async pause(): Promise<void> {
    await this.#container().pause();
    this.#state = 'paused';
  }

  async resume(): Promise<void> {
    await this.#container().unpause();
    this.#state = 'running';
  }

  async isAlive(): Promise<boolean> {
    if (this.#state === 'stopped') return false;
    const { State } = await this.#container().inspect();
    return State.Running;
  }

  logs(): string {
    const { stdout, stderr } = spawnSync('docker', ['logs', this.#options.name], { encoding: 'utf8' });
    return `${stdout}${stderr}`;
  }

  async remove(): Promise<void> {
    const { name } = this.#options;
    const engine = this.#client?.container.dockerode;
    // By name: a container that could not be started has been made all the same.
    await engine?.getContainer(name).remove({ force: true, v: true }).catch(unlessMissing);
    await engine?.getVolume(name).remove().catch(unlessMissing);
    this.#ended();
    this.#id = undefined;
    forget('container', name);
    forget('volume', name);
  }
}

function unlessMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}
