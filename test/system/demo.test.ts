/** The demo as a user runs it: the built program, on real etcd and Consul, with a process for each worker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startConsul, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import type { ConsulCluster, EtcdCluster } from '../servers/types.js';
import { httpGet, waitFor } from '../servers/wait.js';
import { type BuiltProject, buildProject } from './built-project.js';

let project: BuiltProject;

interface Demo {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves to the exit code when the program has ended and its output is complete. */
  readonly ended: Promise<number | null>;
}

const running = new Set<ChildProcess>();

beforeAll(async () => {
  project = await buildProject();
}, 120_000);

afterAll(() => project?.[Symbol.dispose]());

afterEach(() => {
  for (const { pid } of running) if (pid !== undefined && hasProcesses(pid)) process.kill(-pid, 'SIGKILL');
  running.clear();
});

/** Starts the demo as the leader of a process group, so that none of its workers can go unnoticed. */
function startDemo(...args: readonly string[]): Demo {
  const script = join(project.root, '.build/examples/demo.js');
  const child = spawn(process.execPath, [script, ...args], { detached: true, stdio: 'pipe' });
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

/** What is still in the store of what the demo has written. */
type Leftovers = () => Promise<readonly string[]>;

async function expectNothingLeft(demo: Demo, leftovers: Leftovers): Promise<void> {
  const group = demo.child.pid ?? 0;
  // Who was killed is gone when somebody has taken note of it, which is a moment later.
  await waitFor(() => !hasProcesses(group), { timeoutMs: 5_000, what: 'the end of all workers' });
  expect(await leftovers()).toEqual([]);
}

/** Plays to the end: with real signals to real processes, and everything as it was promised. */
async function expectGoodRun(demo: Demo, withinMs: number): Promise<void> {
  const began = performance.now();
  const code = await demo.ended;
  expect({ code, stderr: demo.stderr() }, demo.stdout()).toEqual({ code: 0, stderr: '' });
  expect(performance.now() - began).toBeLessThan(withinMs);
  const text = demo.stdout();
  expect(text).toMatch(/kills +\w+, the leader: SIGKILL[\s\S]*leads +from now on/);
  expect(text).toMatch(
    /(\w+) +loses +the lock[\s\S]*\1 +refused +to write, by its own hold[\s\S]*\1 +refused +by the store/,
  );
  expect(text).toMatch(/increments acknowledged +56 +the counter is 56/);
  expect(text).toContain('All checks passed.');
}

/** Ctrl-C while a worker is stopped, which is the one that could not end by itself. */
async function expectCleanInterruption(demo: Demo): Promise<void> {
  await waitFor(() => demo.stdout().includes('SIGSTOP'), { timeoutMs: 20_000, what: 'a stopped worker' });
  demo.child.kill('SIGINT');
  expect(await demo.ended).toBe(130);
  expect(demo.stderr()).toBe('The demo was ended by SIGINT.\n');
}

describe.skipIf(!(await hasServer('etcd-3.5')))('the demo on etcd', () => {
  let etcd: EtcdCluster;

  beforeAll(async () => {
    etcd = await startEtcd({ version: '3.5', nodes: 1 });
  }, 120_000);

  afterAll(() => etcd?.stop());

  const start = () => startDemo('--store', `etcd://${etcd.endpoints.map((url) => new URL(url).host).join(',')}`);

  const keys: Leftovers = async () => {
    const { stdout } = await etcd.etcdctl(['get', '--prefix', '/demo/', '--keys-only']);
    return stdout.split('\n').filter((line) => line !== '');
  };

  it('kills and pauses processes, keeps every promise in under 20 s, and leaves nothing behind', async () => {
    const demo = start();
    await expectGoodRun(demo, 20_000);
    await expectNothingLeft(demo, keys);
  });

  it('interrupted while a worker is stopped, leaves neither processes nor keys', async () => {
    const demo = start();
    await expectCleanInterruption(demo);
    await expectNothingLeft(demo, keys);
  });

  it('without its reader, ends and takes its workers with it', async () => {
    const demo = start();
    await waitFor(() => demo.stdout().includes('leads'), { timeoutMs: 20_000, what: 'the first lines' });
    demo.child.stdout?.destroy();
    expect(await demo.ended).toBe(130);
    await expectNothingLeft(demo, keys);
  });
});

describe.skipIf(!(await hasServer('consul-1.8')))('the demo on Consul', () => {
  let consul: ConsulCluster;

  beforeAll(async () => {
    // Else sessions would live for 10 to 20 s, twice over.
    consul = await startConsul({ nodes: 1, flags: ['-hcl=session_ttl_min="1s"'] });
  }, 120_000);

  afterAll(() => consul?.stop());

  const start = () => startDemo('--store', `consul://${new URL(consul.endpoints[0] ?? '').host}`, '--ttl', '2');

  const list = async <T>(path: string): Promise<readonly T[]> => {
    const { status, body } = await httpGet(`${consul.endpoints[0]}${path}`);
    return status === 404 ? [] : (JSON.parse(body) as readonly T[]);
  };

  const keys: Leftovers = () => list<string>('/v1/kv/demo/?keys&consistent');

  it('kills and pauses processes, keeps every promise in under 25 s, and leaves nothing behind', async () => {
    const demo = start();
    await expectGoodRun(demo, 25_000);
    expect(demo.stdout()).toContain('Sessions live 2 s here and end up to 4 s after their last renewal');
    expect(demo.stdout()).toMatch(/sessions live +2 s {2}on Consul/);
    await expectNothingLeft(demo, keys);
    // Given back, or, of who was killed or stopped, run out.
    expect(await list('/v1/session/list?consistent')).toEqual([]);
  });

  it('interrupted while a worker is stopped, leaves neither processes nor keys', async () => {
    const demo = start();
    await expectCleanInterruption(demo);
    await expectNothingLeft(demo, keys);
  });
});

describe('the demo', () => {
  // Port 1 is for a service that nobody has run for decades.
  it.each(['etcd', 'consul'])('says in one line that no %s can be reached, and ends with exit code 1', async (name) => {
    const demo = startDemo('--store', `${name}://127.0.0.1:1`);
    expect(await demo.ended).toBe(1);
    expect(demo.stderr()).toMatch(/^The demo failed: .*127\.0\.0\.1:1.*\n$/);
    expect(demo.stdout()).not.toContain('Summary');
  });
});
