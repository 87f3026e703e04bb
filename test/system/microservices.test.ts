/** The example services as a user runs them: the built programs, each a process, on coterie dev, etcd and Consul. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startConsul, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import type { ConsulCluster, EtcdCluster } from '../servers/types.js';
import { httpGet, waitFor } from '../servers/wait.js';
import { type BuiltProject, buildProject } from './built-project.js';
import { type Program, startProgram } from './program-group.js';

let project: BuiltProject;
/** Where the runs put their files. */
let folder: string;

const running = new Set<Program>();

beforeAll(async () => {
  project = await buildProject();
  folder = mkdtempSync(join(tmpdir(), 'coterie-runs-'));
}, 120_000);

afterAll(() => {
  project?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

afterEach(() => {
  for (const program of running) program.kill();
  running.clear();
});

/** One of `drive`, `api`, `gateway` and so on. */
function start(name: string, ...args: readonly string[]): Program {
  const script = join(project.root, '.build/examples/microservices', name, 'main.js');
  const program = startProgram([script, ...args], { TMPDIR: folder });
  running.add(program);
  return program;
}

/** What is still in the store of what a run has written. */
type Leftovers = () => Promise<readonly string[]>;

async function expectNothingLeft(run: Program, leftovers: Leftovers): Promise<void> {
  // Who was killed is gone when somebody has taken note of it, which is a moment later.
  await waitFor(() => !run.isAlive(), { timeoutMs: 10_000, what: 'the end of all services' });
  expect(await leftovers()).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
}

/** To the end, with all checks passed; and what they go by was there to be seen. */
async function expectGoodRun(run: Program): Promise<void> {
  const code = await run.ended;
  const text = run.stdout();
  expect({ code, stderr: run.stderr() }, text).toEqual({ code: 0, stderr: '' });
  expect(text).toContain('All checks passed.');
  expect(text).toMatch(/kills +whom=api-2 signal=SIGKILL/);
  expect(text).toMatch(/kills +whom=(scheduler-\d) signal=SIGKILL[\s\S]*scheduler-\d +leads /);
  expect(text).toMatch(/pauses +whom=(nightly-\d)[\s\S]*\1 +write-refused +by=the database/);
  expect(text).toMatch(/killed +2 {2}/);
  expect(text).toMatch(/jobs done +\d+ .*dead letters: poison-1\n/);
  expect(text).toMatch(/stale writes refused +1 /);
  expect(text).toMatch(/settings taken +4 .*; 2 refused/);
  expect(text).toMatch(/ended gracefully +8 /);
}

/** Ctrl-C while a service is stopped, which is the one that could not end by itself. */
async function expectCleanInterruption(run: Program): Promise<void> {
  await waitFor(() => run.stdout().includes('SIGSTOP'), { timeoutMs: 40_000, what: 'a stopped service' });
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(130);
  expect(run.stderr()).toBe('The run was ended by SIGINT.\n');
}

/** Leases that live as long as they do by default on etcd: shorter ones could be lost on a machine that is busy. */
const shortened = ['--seconds', '5', '--ttl', '3'];

describe('the example services on coterie dev', () => {
  // The server goes with the run.
  const nothing: Leftovers = async () => [];

  it('bear two deaths, a pause and bad input, keep every promise, and leave nothing behind', {
    timeout: 120_000,
  }, async () => {
    const run = start('drive', ...shortened);
    await expectGoodRun(run);
    await expectNothingLeft(run, nothing);
  });

  it('interrupted while one is stopped, leave neither processes nor files', async () => {
    const run = start('drive', ...shortened);
    await expectCleanInterruption(run);
    await expectNothingLeft(run, nothing);
  });

  it('one of which died by another hand, fail the run for that, and lose no job by it', {
    timeout: 120_000,
  }, async () => {
    const run = start('drive', ...shortened);
    await waitFor(() => run.stdout().includes('poison-1'), { timeoutMs: 40_000, what: 'work in progress' });
    const [, pid] = /starts +whom=workers-1 pid=(\d+)/.exec(run.stdout()) ?? [];
    process.kill(Number(pid), 'SIGKILL');
    expect(await run.ended).toBe(1);
    const failures = run.stdout().match(/FAILED: .*/g);
    expect(failures).toEqual(['FAILED: workers-1 ended with SIGKILL instead of 0.']);
    await expectNothingLeft(run, nothing);
  });
});

describe.skipIf(!(await hasServer('etcd-3.5')))('the example services on etcd', () => {
  let etcd: EtcdCluster;
  let store: string;

  beforeAll(async () => {
    etcd = await startEtcd({ version: '3.5', nodes: 1 });
    store = `etcd://${new URL(etcd.endpoints[0] ?? '').host}`;
  }, 120_000);

  afterAll(() => etcd?.stop());

  const keysBelow = async (prefix: string): Promise<readonly string[]> => {
    const { stdout } = await etcd.etcdctl(['get', '--prefix', prefix, '--keys-only']);
    return stdout.split('\n').filter((line) => line !== '');
  };
  const keys: Leftovers = () => keysBelow('/microservices/');

  it('bear two deaths, a pause and bad input, keep every promise, and leave nothing behind', {
    timeout: 120_000,
  }, async () => {
    const run = start('drive', '--store', store, ...shortened);
    await expectGoodRun(run);
    await expectNothingLeft(run, keys);
  });

  it('interrupted while one is stopped, leave neither processes nor keys nor files', async () => {
    const run = start('drive', '--store', store, ...shortened);
    await expectCleanInterruption(run);
    await expectNothingLeft(run, keys);
  });

  it('without their driver, which was killed, end by themselves', async () => {
    const run = start('drive', '--store', store, ...shortened);
    await waitFor(() => run.stdout().includes('settings-refused'), { timeoutMs: 40_000, what: 'work in progress' });
    run.child.kill('SIGKILL');
    await waitFor(() => !run.isAlive(), { timeoutMs: 10_000, what: 'the end of all services' });
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  });

  it('alone, a service starts, is well, is found, and on SIGTERM gives back what it has and ends with 0', async () => {
    const api = start('api', '--store', store, '--id', 'solo', '--prefix', '/solo');
    await waitFor(() => api.stdout().includes('"started"'), { timeoutMs: 20_000, what: 'the start of the API' });
    const { port } = JSON.parse(
      api
        .stdout()
        .split('\n')
        .find((line) => line.includes('"started"')) ?? '{}',
    ) as {
      port: number;
    };
    const health = await httpGet(`http://127.0.0.1:${port}/health`);
    expect([health.status, JSON.parse(health.body)]).toEqual([200, expect.objectContaining({ healthy: true })]);
    expect(await keysBelow('/solo/')).toEqual(['/solo/services/api/solo']);
    api.child.kill('SIGTERM');
    expect(await api.ended).toBe(0);
    expect(await keysBelow('/solo/')).toEqual([]);
    const events = api
      .stdout()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).toEqual(['started', 'stopping', 'registration', 'stopped']);
  });

  it('alone, a service refuses wrong flags in one line, with exit code 2', async () => {
    for (const args of [['--id'], ['--port', 'http'], ['--speed', '9'], ['--store', 'redis://x']]) {
      const worker = start('workers', ...args);
      expect(await worker.ended).toBe(2);
      expect(worker.stderr()).toMatch(/^workers: .*\n$/);
    }
  });
});

describe.skipIf(!(await hasServer('consul-1.8')))('the example services on Consul', () => {
  let consul: ConsulCluster;
  let store: string;

  beforeAll(async () => {
    // Else sessions would live for 10 to 20 s.
    consul = await startConsul({ nodes: 1, flags: ['-hcl=session_ttl_min="1s"'] });
    store = `consul://${new URL(consul.endpoints[0] ?? '').host}`;
  }, 120_000);

  afterAll(() => consul?.stop());

  const keys: Leftovers = async () => {
    const { status, body } = await httpGet(`${consul.endpoints[0]}/v1/kv/microservices/?keys&consistent`);
    return status === 404 ? [] : (JSON.parse(body) as readonly string[]);
  };

  it('bear two deaths, a pause and bad input, keep every promise, and leave nothing behind', {
    timeout: 120_000,
  }, async () => {
    const run = start('drive', '--store', store, ...shortened);
    await expectGoodRun(run);
    await expectNothingLeft(run, keys);
  });

  it('interrupted while one is stopped, leave neither processes nor keys nor files', async () => {
    const run = start('drive', '--store', store, ...shortened);
    await expectCleanInterruption(run);
    await expectNothingLeft(run, keys);
  });
});

describe('the example services', () => {
  // Port 1 is for a service that nobody has run for decades.
  it.each(['etcd', 'consul'])(
    'without a %s that can be reached, end with exit code 1 and leave nothing',
    async (name) => {
      const run = start('drive', '--store', `${name}://127.0.0.1:1`);
      expect(await run.ended).toBe(1);
      expect(run.stderr()).toMatch(/^The run failed: .*127\.0\.0\.1:1.*\n$/);
      await expectNothingLeft(run, async () => []);
    },
  );
});
