/** A server of one member, for one run: on free ports of the loopback, with a data directory of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pause } from './bench.js';

export interface RunningServer {
  readonly endpoint: string;
  /** Ends it at once and removes its data. Safe to call in a handler of process exit. */
  stop(): void;
}

/** A program that is a server. */
export interface Program {
  readonly name: string;
  /** As scripts/servers calls what it fetches. */
  readonly fetched: string;
  readonly askVersion: string;
  readonly version: RegExp;
  /** What to do where there is none. */
  readonly remedy: string;
}

/** How to run it. */
export interface Launch {
  readonly endpoint: string;
  /** The command line, for a directory of its own. */
  flags(dataDir: string): readonly string[];
  isHealthy(): Promise<boolean>;
}

/** From `.build/bench/lib`, where this runs. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const healthyWithinMs = 20_000;

function find(program: Program): string | undefined {
  const own = join(process.env['COTERIE_SERVERS_DIR'] ?? join(root, '.servers'), program.fetched, 'usr/bin');
  const places = [own, ...(process.env['PATH'] ?? '').split(delimiter)].filter((place) => place !== '');
  return places.map((place) => join(place, program.name)).find((path) => isIt(path, program));
}

function isIt(path: string, { askVersion, version }: Program): boolean {
  try {
    accessSync(path, constants.X_OK);
    return version.test(spawnSync(path, [askVersion], { encoding: 'utf8' }).stdout);
  } catch {
    return false;
  }
}

function need(program: Program): string {
  const found = find(program);
  if (found !== undefined) return found;
  process.stderr.write(`bench: no ${program.fetched} here; scripts/servers fetches one\n`);
  spawnSync(join(root, 'scripts/servers'), ['fetch', program.fetched], { stdio: ['ignore', 2, 2] });
  const fetched = find(program);
  if (fetched !== undefined) return fetched;
  throw new Error(program.remedy);
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** An endpoint as a URL; without a scheme it is http. */
export function urlOf(endpoint: string): string {
  return endpoint.includes('://') ? endpoint : `http://${endpoint}`;
}

/** What a server answers; undefined where it does not, or with a status that is no success. */
export async function get(endpoint: string, path: string): Promise<string | undefined> {
  try {
    const response = await fetch(new URL(path, urlOf(endpoint)), { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

async function waitHealthy({ isHealthy }: Launch, child: ChildProcess, log: string): Promise<void> {
  const until = performance.now() + healthyWithinMs;
  while (performance.now() < until && child.exitCode === null) {
    if (await isHealthy()) return;
    await pause(50);
  }
  throw new Error(`${child.spawnfile} did not come up; its log:\n${readFileSync(log, 'utf8').slice(-2_000)}`);
}

/** Starts it and waits until it serves. Throws where there is no such program, or it does not come up. */
export async function startServer(program: Program, launch: Launch): Promise<RunningServer> {
  const path = need(program);
  const dir = mkdtempSync(join(tmpdir(), 'coterie-bench-'));
  const log = join(dir, 'log');
  const out = openSync(log, 'a');
  const child = spawn(path, launch.flags(join(dir, 'data')), { stdio: ['ignore', out, out] });
  const stop = (): void => {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await waitHealthy(launch, child, log);
  } catch (error) {
    stop();
    throw error;
  }
  return { endpoint: launch.endpoint, stop };
}
