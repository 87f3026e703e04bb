import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkerEvent } from './events.js';
import { type Actor, type Setting, type Stage, type StageParts, settingOn, type Tell } from './stage.js';
import { openClient, type Servers } from './stores.js';

const workerScript = fileURLToPath(new URL('./worker-process.js', import.meta.url));

/** How long a worker may take to leave before it is killed. */
const politeMs = 3_000;

/** What a worker process is told at its start. */
export interface WorkerSetup {
  readonly name: string;
  readonly prefix: string;
  readonly servers: Servers;
  readonly ttlMs: number;
  readonly startNs: string;
}

/** What a worker process says. */
export interface WorkerMessage {
  readonly event: WorkerEvent;
  readonly atMs: number;
}

/**
 * Every worker a process of its own, with a client of its own of one etcd or Consul. `name`: what to call that, where it
 * is not what its address says.
 */
export async function processStage(servers: Servers, parts: StageParts, name = named(servers)): Promise<Stage> {
  const { keys, startNs, ttlMs, tell } = parts;
  const client = await openClient(servers, ttlMs);
  const children = new Set<ChildProcess>();
  const killAll = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  // Whatever ends this process, no worker outlives it, not even one that is stopped and so cannot see it end.
  process.on('exit', killAll);

  const hire = (name: string): Actor => {
    const prefix = keys.all.slice(0, -1);
    const setup: WorkerSetup = { name, prefix, servers, ttlMs, startNs: String(startNs) };
    // `advanced`, because tokens are bigints.
    const child = fork(workerScript, [JSON.stringify(setup)], { serialization: 'advanced' });
    children.add(child);
    return follow(child, name, tell, () => children.delete(child));
  };

  const close = async ({ politely }: { readonly politely: boolean }): Promise<void> => {
    const timer = setTimeout(killAll, politeMs);
    const exits = [...children].map((child) => once(child, 'exit'));
    if (politely) for (const child of children) child.send({ kind: 'leave' });
    else killAll();
    await Promise.all(exits);
    clearTimeout(timer);
    process.off('exit', killAll);
  };

  return {
    client,
    setting: settingOn(client, { ...name, ttlMs }),
    kill: { how: 'SIGKILL to its process', halts: true },
    pause: { how: 'SIGSTOP to its process', halts: true },
    wake: 'SIGCONT to its process',
    hire,
    close,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

export type StoreName = Pick<Setting, 'store' | 'place'>;

function named(servers: Servers): StoreName {
  if (servers.kind === 'consul') return { store: 'Consul', place: `Consul at ${servers.address}, in processes` };
  return { store: 'etcd', place: `etcd at ${servers.endpoints.join(', ')}, in processes` };
}

/** A worker that is stopped cannot see this process crash. This one does, by the end of its input, and then ends it. */
function guardOf({ pid }: ChildProcess): ChildProcess {
  const guard = spawn('sh', ['-c', `read -r _; kill -KILL ${pid}`], { stdio: ['pipe', 'ignore', 'ignore'] });
  // Without a shell there is no guard, and the demo goes on.
  return guard.on('error', () => {});
}

function follow(child: ChildProcess, name: string, tell: Tell, gone: () => void): Actor {
  let expected = false;
  let guard: ChildProcess | undefined;
  child.on('message', (message) => {
    // Only the worker process is at the other end.
    const { event, atMs } = message as WorkerMessage;
    tell(name, event, atMs);
  });
  child.on('error', (error) => tell(name, { kind: 'fails', reason: error.message }, 0));
  child.on('exit', (code, signal) => {
    gone();
    guard?.kill();
    if (expected || code === 0) return;
    tell(name, { kind: 'fails', reason: `its process ended with ${signal ?? `code ${code}`}` }, 0);
  });
  return {
    name,
    obey: (order) => child.send(order),
    kill: () => {
      expected = true;
      child.kill('SIGKILL');
    },
    pause: () => {
      guard = guardOf(child);
      child.kill('SIGSTOP');
    },
    wake: () => {
      child.kill('SIGCONT');
      guard?.kill();
    },
  };
}
