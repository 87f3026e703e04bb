/** The command itself, as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { etcd } from 'coterie/etcd';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildDevCommand, type DevCommand } from '../servers/dev.js';
import { run } from '../servers/run.js';
import { until } from '../system/tools.js';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
let command: DevCommand;
let folder = '';
const children = new Set<ChildProcess>();

beforeAll(() => {
  command = buildDevCommand();
});

afterAll(() => command?.[Symbol.dispose]());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coterie-command-'));
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly line: string;
  readonly endpoint: string;
  /** Whatever it said on stderr. */
  complaints(): string;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

async function start(...args: string[]): Promise<Running> {
  const child = spawn(process.execPath, [command.script, 'dev', '--port', '0', ...args], { stdio: 'pipe' });
  children.add(child);
  let [said, complaints] = ['', ''];
  child.stdout?.on('data', (text) => {
    said += text;
  });
  child.stderr?.on('data', (text) => {
    complaints += text;
  });
  await until('its line', () => said.includes('\n') || child.exitCode !== null);
  const endpoint = /http:\S+/.exec(said)?.[0];
  if (endpoint === undefined) throw new Error(`it did not start: ${said}${complaints}`);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exited)[0];
  };
  return { child, line: said, endpoint, complaints: () => complaints, end };
}

const tried = (...args: string[]) => run(process.execPath, [command.script, ...args], { timeoutMs: 10_000 });

async function withClient<T>(endpoint: string, use: (client: ReturnType<typeof etcd>) => Promise<T>): Promise<T> {
  const client = etcd({ endpoints: [new URL(endpoint).host] });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

const value = (text: string): Uint8Array => Buffer.from(text);

describe('coterie dev', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'says in one line where it is and what for, and ends well on %s',
    async (signal) => {
      const server = await start();
      expect(server.line).toMatch(/^coterie dev: http:\/\/127\.0\.0\.1:\d+ \(.*production runs on etcd or Consul\)\n$/);
      await withClient(server.endpoint, async ({ store }) => {
        await store.commit([], [{ kind: 'put', key: 'a', value: value('1') }]);
        const watch = store.watch({ prefix: '/x/' });
        await watch.next();
        // An open watch and an open connection do not keep it from ending.
        expect(await server.end(signal)).toBe(0);
        await watch.return();
      });
      expect(server.complaints()).toBe('');
    },
  );

  test('is up within a small multiple of the time that Node and gRPC take to load', async () => {
    const grpc = `require(${JSON.stringify(join(projectRoot, 'node_modules/@grpc/grpc-js'))})`;
    const timed = async (begin: () => Promise<unknown>): Promise<number> => {
      const times: number[] = [];
      for (let n = 0; n < 7; n++) {
        const before = performance.now();
        await begin();
        times.push(performance.now() - before);
      }
      // The shortest is the one that was disturbed least.
      return Math.min(...times);
    };
    const loading = await timed(() => run(process.execPath, ['-e', grpc], { timeoutMs: 10_000 }));
    const up = await timed(async () => {
      const child = spawn(process.execPath, [command.script, 'dev', '--port', '0'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      children.add(child);
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
    });
    console.log(`coterie dev is up after ${up.toFixed(0)} ms; Node with gRPC alone takes ${loading.toFixed(0)} ms`);
    expect(up / loading).toBeLessThan(2.5);
  });

  test('without a file begins empty each time, and as another cluster', async () => {
    const first = await start();
    await withClient(first.endpoint, ({ store }) => store.commit([], [{ kind: 'put', key: 'a', value: value('1') }]));
    await first.end('SIGTERM');
    const second = await start();
    expect(await withClient(second.endpoint, ({ store }) => store.read({ key: 'a' }))).toMatchObject({ entries: [] });
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    '--data keeps what was answered over %s, and the revision goes on',
    async (signal) => {
      const file = join(folder, 'data');
      const first = await start('--data', file);
      const revision = await withClient(first.endpoint, async ({ store }) => {
        let last = 0n;
        for (let n = 0; n < 50; n++)
          last = (await store.commit([], [{ kind: 'put', key: `k${n}`, value: value(String(n)) }])).revision;
        return last;
      });
      await first.end(signal);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const second = await start(`--data=${file}`);
      await withClient(second.endpoint, async ({ store }) => {
        expect(await store.read({ key: 'k49' })).toMatchObject({ revision, entries: [{ modified: revision }] });
        expect((await store.commit([], [{ kind: 'put', key: 'b', value: value('2') }])).revision).toBe(revision + 1n);
      });
      expect(second.complaints()).toBe('');
    },
  );

  test('--data says in one line what it had to cut off', async () => {
    const file = join(folder, 'data');
    const first = await start('--data', file);
    await withClient(first.endpoint, ({ store }) => store.commit([], [{ kind: 'put', key: 'a', value: value('1') }]));
    await first.end('SIGTERM');
    writeFileSync(file, readFileSync(file).subarray(0, -3));
    const second = await start('--data', file);
    expect(second.complaints()).toMatch(/^coterie: "[^\n]+not whole and were cut off, after revision 1\.\n$/);
    expect(await withClient(second.endpoint, ({ store }) => store.read({ key: 'a' }))).toMatchObject({ entries: [] });
  });

  test('--data refuses a file that another process has, or that is none of its own', async () => {
    const file = join(folder, 'data');
    await start('--data', file);
    const second = await tried('dev', '--port', '0', '--data', file);
    expect([second.code, second.stderr]).toEqual([1, expect.stringMatching(/^coterie: ".*" is in use by process \d+/)]);
    const letter = join(folder, 'letter');
    writeFileSync(letter, 'Dear Sir or Madam');
    const third = await tried('dev', '--port', '0', '--data', letter);
    expect([third.code, third.stderr]).toEqual([1, expect.stringContaining('is not a file of coterie dev')]);
    expect(readFileSync(letter, 'utf8')).toBe('Dear Sir or Madam');
  });

  test('says so, and fails, where the port is taken or the address is none of this machine', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const first = await tried('dev', '--port', String(port));
    expect([first.code, first.stderr]).toEqual([1, expect.stringMatching(/^coterie: Something else listens on 127/)]);
    taken.close();
    const second = await tried('dev', '--port', '0', '--host', '192.0.2.1');
    expect([second.code, second.stderr]).toEqual([1, expect.stringMatching(/^coterie: It cannot listen on 192/)]);
  });
});

describe('coterie', () => {
  test.each([
    [[], 'say what to do'],
    [['serve'], 'there is no command "serve"'],
    [['dev', '--prot', '1'], '"--prot" is not known'],
    [['dev', 'extra'], '"extra" is not known'],
    [['dev', '--port'], '--port needs a value'],
    [['dev', '--port='], '--port needs a value'],
    [['dev', '--port', '--host'], '--port needs a value'],
    [['dev', '--port', '65536'], '--port must be from 0 to 65535'],
    [['dev', '--port', '1e3'], '--port must be from 0 to 65535'],
    [['dev', '--port', '1', '--port', '2'], '--port is given twice'],
  ])('%j is not understood: exit code 2, and the reason', async (args, reason) => {
    const { code, stdout, stderr } = await tried(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(reason);
  });

  test('--help and --version answer', async () => {
    const help = await tried('--help');
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('--data FILE')]);
    expect(await tried('dev', '--help')).toEqual(help);
    expect(await tried('--version')).toMatchObject({ code: 0, stdout: '0.0.0-test\n' });
  });
});
