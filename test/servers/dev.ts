import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Site } from './base-cluster.js';
import { compileFolder } from './compile.js';
import { Etcd } from './etcd.js';
import { needServer } from './find.js';
import { ServerNode } from './node.js';
import { takePorts } from './ports.js';
import { ProcessRunner } from './process-runner.js';
import type { EtcdCluster } from './types.js';
import { scratchDir } from './watchdog.js';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The command, compiled from the sources as they are now, in a folder of its own within the project. */
export interface DevCommand extends Disposable {
  /** What plain Node can run. */
  readonly script: string;
}

export function buildDevCommand(): DevCommand {
  const parent = join(projectRoot, '.build');
  mkdirSync(parent, { recursive: true });
  const root = mkdtempSync(join(parent, 'dev-'));
  compileFolder(join(projectRoot, 'src'), join(root, 'dist'));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'coterie', type: 'module', version: '0.0.0-test' }));
  return {
    script: join(root, 'dist/cli/main.js'),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** `coterie dev` as a process, with a file, and the etcdctl of a version of etcd for it. */
class Dev extends Etcd {
  readonly #command: DevCommand;

  constructor(command: DevCommand, ...rest: ConstructorParameters<typeof Etcd>) {
    super(...rest);
    this.#command = command;
  }

  protected override async findLeader(running: readonly ServerNode[]): Promise<ServerNode | undefined> {
    return running[0];
  }

  override async stop(): Promise<void> {
    await super.stop();
    this.#command[Symbol.dispose]();
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Starts `coterie dev` and waits until it listens. */
export async function startDev(version: '3.4' | '3.5' = '3.5'): Promise<EtcdCluster> {
  const server = await needServer(`etcd-${version}`, 'process');
  const ports = await takePorts(1);
  const [port = 0] = ports;
  const site = await Site.open(server, ports);
  const dir = scratchDir('coterie-dev');
  const command = buildDevCommand();
  const args = [command.script, 'dev', `--port=${port}`, `--data=${join(dir, 'data')}`];
  const node = new ServerNode({
    name: 'coterie-dev',
    endpoint: `http://127.0.0.1:${port}`,
    runner: new ProcessRunner({ program: process.execPath, args, dir }),
    isHealthy: () => accepts(port),
  });
  return new Dev(command, server, [node], site, new Map(), undefined).startAll();
}
