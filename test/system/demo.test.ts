/** The demo as a user runs it: the built program, on coterie dev, etcd and Consul, with a process for each worker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { put } from 'coterie';
import { startDevServer } from 'coterie/dev';
import { etcd } from 'coterie/etcd';
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
function startDemo(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Demo {
  const script = join(project.root, '.build/examples/demo.js');
  const options = { detached: true, stdio: 'pipe', env: { ...process.env, ...env } } as const;
  const child = spawn(process.execPath, [script, ...args], options);
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
  let cluster: EtcdCluster;

  beforeAll(async () => {
    cluster = await startEtcd({ version: '3.5', nodes: 1 });
  }, 120_000);

  afterAll(() => cluster?.stop());

  const start = () => startDemo(['--store', `etcd://${cluster.endpoints.map((url) => new URL(url).host).join(',')}`]);

  const keys: Leftovers = async () => {
    const { stdout } = await cluster.etcdctl(['get', '--prefix', '/demo/', '--keys-only']);
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

  const start = () => startDemo(['--store', `consul://${new URL(consul.endpoints[0] ?? '').host}`, '--ttl', '2']);

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

describe('the demo, with nothing else', () => {
  const nothing: Leftovers = async () => [];

  /** Whether anybody still listens where the demo said that its store is. */
  async function isThere(demo: Demo): Promise<boolean> {
    const [, port = ''] = /coterie dev, port (\d+), in processes/.exec(demo.stdout()) ?? [];
    expect(port).not.toBe('');
    return new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  }

  it('shows every scene in lines of 80 columns, in under 20 s, and leaves nothing behind', async () => {
    const demo = startDemo();
    await expectGoodRun(demo, 20_000);
    expectScenes(demo.stdout().split('\n'));
    await expectNothingLeft(demo, nothing);
    expect(await isThere(demo)).toBe(false);
  });

  it('interrupted while a worker is stopped, leaves neither processes nor the server', async () => {
    const demo = startDemo();
    await expectCleanInterruption(demo);
    expect(demo.stdout()).not.toContain('Summary');
    await expectNothingLeft(demo, nothing);
    expect(await isThere(demo)).toBe(false);
  });

  it('without its reader, ends and takes workers and server with it', async () => {
    const demo = startDemo();
    await waitFor(() => demo.stdout().includes('leads'), { timeoutMs: 20_000, what: 'the first lines' });
    demo.child.stdout?.destroy();
    expect(await demo.ended).toBe(130);
    await expectNothingLeft(demo, nothing);
    expect(await isThere(demo)).toBe(false);
  });

  it('killed without a chance to tidy up, leaves no process that could run on for itself', async () => {
    const demo = startDemo();
    await waitFor(() => demo.stdout().includes('leads'), { timeoutMs: 20_000, what: 'the first lines' });
    demo.child.kill('SIGKILL');
    await demo.ended;
    await expectNothingLeft(demo, nothing);
    expect(await isThere(demo)).toBe(false);
  });

  it('killed so while a worker is stopped, takes even that one with it', async () => {
    const demo = startDemo();
    await waitFor(() => demo.stdout().includes('SIGSTOP'), { timeoutMs: 20_000, what: 'a stopped worker' });
    demo.child.kill('SIGKILL');
    await demo.ended;
    await expectNothingLeft(demo, nothing);
  });

  it('gives each worker a colour of its own where colours are wanted', async () => {
    const demo = startDemo(['--store', 'dev'], { FORCE_COLOR: '1' });
    const joined = (): number => demo.stdout().split('joins').length - 1;
    await waitFor(() => joined() === 5, { timeoutMs: 20_000, what: 'the last worker' });
    demo.child.kill('SIGINT');
    await demo.ended;
    const colours = [...demo.stdout().matchAll(/\[(\d+)m(?:ada|bob|cyd|dan|eve) /g)].map(([, colour]) => colour);
    expect(new Set(colours).size).toBe(5);
  });

  it('ends with exit code 1 and names the damage when somebody sets its counter back', async () => {
    await using server = await startDevServer();
    const meddling = meddle(server.endpoint);
    const demo = startDemo(['--store', `etcd://127.0.0.1:${server.port}`]);
    expect(await demo.ended).toBe(1);
    await meddling;
    const text = demo.stdout();
    expect(text).toMatch(/FAILED: The counter is 5\d after 56 acknowledged increments\./);
    expect(text).toMatch(/FAILED: \w+ wrote 2 over the \d+ of \w+\./);
    expect(text).not.toContain('All checks passed');
    await expectNothingLeft(demo, nothing);
  });
});

/** Without a guard, and so under nobody's lock: updates are lost. */
async function meddle(endpoint: string): Promise<void> {
  await using client = etcd({ endpoints: [endpoint] });
  for await (const batch of client.store.watch({ prefix: '/demo/' })) {
    const entries = batch.kind === 'snapshot' ? batch.entries : batch.puts;
    const counter = entries.find(({ key }) => key.endsWith('/counter'));
    if (counter === undefined || JSON.parse(Buffer.from(counter.value).toString()).value < 5) continue;
    await client.store.commit([], [put(counter.key, JSON.stringify({ value: 1, token: '0' }))]);
    return;
  }
}

/** Where a line that fits stands, after the place given. */
function lineAfter(lines: readonly string[], from: number, pattern: RegExp): number {
  const at = lines.findIndex((line, i) => i > from && pattern.test(line));
  expect(at, `a line like ${pattern} after line ${from} of:\n${lines.join('\n')}`).toBeGreaterThan(from);
  return at;
}

/** The leader is whoever was first, and so are those who come next. */
function expectScenes(lines: readonly string[]): void {
  let at = lineAfter(lines, 0, /ms {2}eve {3}joins .*rate=10/);
  at = lineAfter(lines, at, /adds .* the store has 5 +token \d+$/);
  at = lineAfter(lines, at, /demo {2}kills +\w+, the leader: SIGKILL to its process/);
  at = lineAfter(lines, at, /\w+ {3}leads/);
  at = lineAfter(lines, at, /demo {2}pauses +\w+, the holder: SIGSTOP to its process/);
  at = lineAfter(lines, at, /holds +the lock; reads 55/);
  at = lineAfter(lines, at, /demo {2}wakes +\w+: SIGCONT to its process/);
  at = lineAfter(lines, at, /loses +the lock/);
  at = lineAfter(lines, at, /refused +to write, by its own hold \(SESSION_LOST\)/);
  at = lineAfter(lines, at, /refused +by the store/);
  at = lineAfter(lines, at, /config +is now rate=25/);
  lineAfter(lines, at, /All checks passed/);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.join('\n')).not.toContain('\u001b');
}

describe('the demo', () => {
  // Port 1 is for a service that nobody has run for decades.
  it.each(['etcd', 'consul'])('says in one line that no %s can be reached, and ends with exit code 1', async (name) => {
    const demo = startDemo(['--store', `${name}://127.0.0.1:1`]);
    expect(await demo.ended).toBe(1);
    expect(demo.stderr()).toMatch(/^The demo failed: .*127\.0\.0\.1:1.*\n$/);
    expect(demo.stdout()).not.toContain('Summary');
  });
});
