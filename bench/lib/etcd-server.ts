/** An etcd of one member, for one run: on free ports of the loopback, with a data directory of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pause } from './bench.js';

export interface RunningEtcd {
  readonly endpoint: string;
  /** Ends it at once and removes its data. Safe to call in a handler of process exit. */
  stop(): void;
}

/** From `.build/bench/lib`, where this runs. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const healthyWithinMs = 20_000;

function findEtcd(): string | undefined {
  const own = join(process.env['COTERIE_SERVERS_DIR'] ?? join(root, '.servers'), 'etcd-3.5/usr/bin');
  const places = [own, ...(process.env['PATH'] ?? '').split(delimiter)].filter((place) => place !== '');
  return places.map((place) => join(place, 'etcd')).find(isThirdFive);
}

function isThirdFive(program: string): boolean {
  try {
    accessSync(program, constants.X_OK);
    return /etcd Version: 3\.5\./.test(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout);
  } catch {
    return false;
  }
}

function needEtcd(): string {
  const found = findEtcd();
  if (found !== undefined) return found;
  process.stderr.write('bench: no etcd 3.5 here; scripts/servers fetches one\n');
  spawnSync(join(root, 'scripts/servers'), ['fetch', 'etcd-3.5'], { stdio: ['ignore', 2, 2] });
  const fetched = findEtcd();
  if (fetched !== undefined) return fetched;
  throw new Error('No etcd 3.5: run scripts/servers fetch etcd-3.5, put one on PATH, or give --endpoints.');
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

function flags(dataDir: string, clientUrl: string, peerUrl: string, fsync: boolean): string[] {
  return [
    ...['--name=bench', `--data-dir=${dataDir}`, `--initial-cluster=bench=${peerUrl}`],
    ...[`--listen-client-urls=${clientUrl}`, `--advertise-client-urls=${clientUrl}`],
    ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
    ...['--logger=zap', '--log-level=error', '--quota-backend-bytes=8589934592'],
    ...(fsync ? [] : ['--unsafe-no-fsync']),
  ];
}

/** What an etcd says of its version. Rejects where none answers. */
export async function versionOf(endpoint: string): Promise<string> {
  const answer = (await get(endpoint, '/version')) ?? '';
  const version = /"etcdserver":"([^"]+)"/.exec(answer)?.[1];
  if (version === undefined) throw new Error(`No etcd answers at ${endpoint}.`);
  return version;
}

async function get(endpoint: string, path: string): Promise<string | undefined> {
  const base = endpoint.includes('://') ? endpoint : `http://${endpoint}`;
  try {
    const response = await fetch(new URL(path, base), { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

async function waitHealthy(endpoint: string, child: ChildProcess, log: string): Promise<void> {
  const until = performance.now() + healthyWithinMs;
  while (performance.now() < until && child.exitCode === null) {
    if ((await get(endpoint, '/health'))?.includes('"true"')) return;
    await pause(50);
  }
  throw new Error(`etcd did not come up; its log:\n${readFileSync(log, 'utf8').slice(-2_000)}`);
}

export async function startEtcd(fsync: boolean): Promise<RunningEtcd> {
  const program = needEtcd();
  const dir = mkdtempSync(join(tmpdir(), 'coterie-bench-'));
  const log = join(dir, 'log');
  const [client = 0, peer = 0] = await freePorts(2);
  const endpoint = `http://127.0.0.1:${client}`;
  const out = openSync(log, 'a');
  const child = spawn(program, flags(join(dir, 'data'), endpoint, `http://127.0.0.1:${peer}`, fsync), {
    stdio: ['ignore', out, out],
  });
  const stop = (): void => {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await waitHealthy(endpoint, child, log);
  } catch (error) {
    stop();
    throw error;
  }
  return { endpoint, stop };
}
