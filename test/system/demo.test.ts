/** The demo as a user runs it: the built program, on a real etcd, with a process for each worker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EtcdCluster, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { waitFor } from '../servers/wait.js';
import { type BuiltProject, buildProject } from './built-project.js';

let project: BuiltProject;
let etcd: EtcdCluster;

interface Demo {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves to the exit code when the program has ended and its output is complete. */
  readonly ended: Promise<number | null>;
}

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const { pid } of running) if (pid !== undefined && hasProcesses(pid)) process.kill(-pid, 'SIGKILL');
  running.clear();
});

/** Starts the demo as the leader of a process group, so that none of its workers can go unnoticed. */
function startDemo(store: string): Demo {
  const script = join(project.root, '.build/examples/demo.js');
  const child = spawn(process.execPath, [script, '--store', store], { detached: true, stdio: 'pipe' });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, stdout: () => output.stdout, stderr: () => output.stderr, ended };
}

/** Whether any process of the group is left. */
function hasProcesses(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

async function expectNothingLeft(demo: Demo): Promise<void> {
  const group = demo.child.pid ?? 0;
  // Who was killed is gone when somebody has taken note of it, which is a moment later.
  await waitFor(() => !hasProcesses(group), { timeoutMs: 5_000, what: 'the end of all workers' });
  const { stdout } = await etcd.etcdctl(['get', '--prefix', '/demo/', '--keys-only']);
  expect(stdout.trim()).toBe('');
}

const etcdStore = (): string => `etcd://${etcd.endpoints.map((url) => new URL(url).host).join(',')}`;

describe.skipIf(!(await hasServer('etcd-3.5')))('the demo on etcd', () => {
  beforeAll(async () => {
    [project, etcd] = await Promise.all([buildProject(), startEtcd({ version: '3.5', nodes: 1 })]);
  }, 120_000);

  afterAll(async () => {
    await etcd?.stop();
    project?.[Symbol.dispose]();
  });

  it('kills and pauses processes, keeps every promise in under 20 s, and leaves nothing behind', async () => {
    const began = performance.now();
    const demo = startDemo(etcdStore());
    const code = await demo.ended;
    expect({ code, stderr: demo.stderr() }, demo.stdout()).toEqual({ code: 0, stderr: '' });
    expect(performance.now() - began).toBeLessThan(20_000);
    const text = demo.stdout();
    expect(text).toMatch(/kills +\w+, the leader: SIGKILL[\s\S]*leads +from now on/);
    expect(text).toMatch(
      /(\w+) +loses +the lock[\s\S]*\1 +refused +to write, by its own hold[\s\S]*\1 +refused +by the store/,
    );
    expect(text).toMatch(/increments acknowledged +56 +the counter is 56/);
    expect(text).toContain('All checks passed.');
    await expectNothingLeft(demo);
  });

  it('interrupted while a worker is stopped, leaves neither processes nor keys', async () => {
    const demo = startDemo(etcdStore());
    await waitFor(() => demo.stdout().includes('SIGSTOP'), { timeoutMs: 20_000, what: 'a stopped worker' });
    demo.child.kill('SIGINT');
    expect(await demo.ended).toBe(130);
    expect(demo.stderr()).toBe('The demo was ended by SIGINT.\n');
    await expectNothingLeft(demo);
  });

  it('without its reader, ends and takes its workers with it', async () => {
    const demo = startDemo(etcdStore());
    await waitFor(() => demo.stdout().includes('leads'), { timeoutMs: 20_000, what: 'the first lines' });
    demo.child.stdout?.destroy();
    expect(await demo.ended).toBe(130);
    await expectNothingLeft(demo);
  });

  it('says in one line that the store cannot be reached, and ends with exit code 1', async () => {
    // Port 1 is for a service that nobody has run for decades.
    const demo = startDemo('etcd://127.0.0.1:1');
    expect(await demo.ended).toBe(1);
    expect(demo.stderr()).toMatch(/^The demo failed: .*127\.0\.0\.1:1.*\n$/);
    expect(demo.stdout()).not.toContain('Summary');
  });
});
