import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunResult, run } from './run.js';
import type { Mode } from './types.js';

export const SERVER_NAMES = ['etcd-3.4', 'etcd-3.5', 'consul-1.8'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface FoundServer {
  readonly mode: Mode;
  /** The full version of the programs, e.g. 3.5.30. */
  readonly version: string;
  /** In container mode. */
  readonly image?: string;
  /** The directory of the programs (server and client); in container mode the client is still run from here. */
  readonly bin?: string;
}

export interface MissingServer {
  readonly mode: 'none';
  readonly reason: string;
}

export type Findings = Readonly<Record<ServerName, FoundServer | MissingServer>>;

const FOUND_ENV = 'COTERIE_SERVERS_FOUND';
const FETCH_TIMEOUT_MS = 600_000;
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Programs {
  readonly bin: string;
  readonly version: string;
}

const PROGRAMS: Readonly<Record<ServerName, readonly string[]>> = {
  'etcd-3.4': ['etcd', 'etcdctl'],
  'etcd-3.5': ['etcd', 'etcdctl'],
  'consul-1.8': ['consul'],
};

/** The version that the programs in a directory say, if they are all there and of the wanted release. */
async function programsIn(bin: string, name: ServerName): Promise<Programs | undefined> {
  const programs = PROGRAMS[name];
  try {
    await Promise.all(programs.map((program) => access(join(bin, program), constants.X_OK)));
    const { stdout } = await run(join(bin, programs[0] ?? ''), ['--version'], { timeoutMs: 10_000 });
    const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
    if (version?.startsWith(`${name.split('-')[1]}.`)) return { bin, version };
  } catch {
    // Not there, or not for this machine.
  }
  return undefined;
}

async function installed(name: ServerName, env: NodeJS.ProcessEnv): Promise<Programs | undefined> {
  const own = join(env['COTERIE_SERVERS_DIR'] ?? join(root, '.servers'), name, 'usr/bin');
  for (const bin of [own, ...(env['PATH'] ?? '').split(delimiter)]) {
    const programs = bin === '' ? undefined : await programsIn(bin, name);
    if (programs !== undefined) return programs;
  }
  return undefined;
}

/** Runs scripts/servers, or what stands in for it; a failure to start is a result like any other. */
async function servers(env: NodeJS.ProcessEnv, ...args: string[]): Promise<RunResult> {
  const program = env['COTERIE_SERVERS_FETCH'] ?? join(root, 'scripts', 'servers');
  try {
    return await run(program, args, { env, cwd: root, timeoutMs: FETCH_TIMEOUT_MS });
  } catch (error) {
    return { stdout: '', stderr: `${program} does not run: ${(error as Error).message}`, code: -1 };
  }
}

function reasonIn({ stderr, code }: RunResult): string {
  const lines = stderr.trim().split('\n').slice(-2);
  return lines.join('; ').replaceAll('servers: ', '') || `exit status ${code}`;
}

class Search {
  readonly #env: NodeJS.ProcessEnv;
  #images: Promise<RunResult> | undefined;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  async find(name: ServerName): Promise<FoundServer | MissingServer> {
    const forced = this.#env['COTERIE_SERVERS'];
    if (forced === 'none') return { mode: 'none', reason: 'COTERIE_SERVERS=none' };
    if (forced !== 'process') {
      const found = await this.#container(name);
      if (found !== undefined) return found;
      if (forced === 'container') return { mode: 'none', reason: `no image: ${reasonIn(await this.#allImages())}` };
    }
    const programs = (await installed(name, this.#env)) ?? (await this.#fetch(name));
    return 'reason' in programs ? { mode: 'none', ...programs } : { mode: 'process', ...programs };
  }

  #allImages(): Promise<RunResult> {
    this.#images ??= servers(this.#env, 'images');
    return this.#images;
  }

  /** A line says: server, image, and where the same programs are on this machine (if they run on it). */
  async #container(name: ServerName): Promise<FoundServer | undefined> {
    const { stdout } = await this.#allImages();
    const line = /^(\S+) (\S+) ?(.*)$/.exec(stdout.split('\n').find((each) => each.startsWith(`${name} `)) ?? '');
    const [, , image, bin = ''] = line ?? [];
    if (image === undefined) return undefined;
    const programs = (await programsIn(bin, name)) ?? (await installed(name, this.#env));
    return { mode: 'container', image, version: name.split('-')[1] ?? '', ...programs };
  }

  async #fetch(name: ServerName): Promise<Programs | { reason: string }> {
    const result = await servers(this.#env, 'fetch', name);
    return (await installed(name, this.#env)) ?? { reason: reasonIn(result) };
  }
}

function missingLine(name: ServerName, { reason }: MissingServer): string {
  return (
    `*** NO ${name}: ${reason}. All tests that need it are left out. ` +
    `Run scripts/servers fetch ${name}, or put ${name.replace('-', ' ')} on PATH, or start a Docker engine. ***`
  );
}

/** Throws where COTERIE_REQUIRE_SERVERS=1 and a server cannot be had; else says so on stderr. */
function complain(findings: Findings, env: NodeJS.ProcessEnv): void {
  const lines: string[] = [];
  for (const name of SERVER_NAMES) {
    const found = findings[name];
    if (found.mode === 'none') lines.push(missingLine(name, found));
  }
  if (lines.length === 0) return;
  if (env['COTERIE_REQUIRE_SERVERS'] === '1') throw new Error(lines.join('\n'));
  process.stderr.write(`${lines.join('\n')}\n`);
}

/** Looks for every server, without any cache, and complains about each one that cannot be had. */
export async function searchServers(env: NodeJS.ProcessEnv = process.env): Promise<Findings> {
  const search = new Search(env);
  const found = await Promise.all(SERVER_NAMES.map((name) => search.find(name)));
  const findings = Object.fromEntries(SERVER_NAMES.map((name, i) => [name, found[i]])) as unknown as Findings;
  complain(findings, env);
  return findings;
}

let cached: Promise<Findings> | undefined;

/** What can be had; found once per process, or once per test run where the global setup has handed it on. */
export function findServers(): Promise<Findings> {
  if (cached === undefined) {
    const handed = process.env[FOUND_ENV];
    cached = handed === undefined ? searchServers() : Promise.resolve(JSON.parse(handed) as Findings);
  }
  return cached;
}

/** Makes the findings known to processes started from now on. */
export function handOn(findings: Findings): void {
  process.env[FOUND_ENV] = JSON.stringify(findings);
}

/** For `describe.skipIf(!(await hasServer('etcd-3.5')))`. */
export async function hasServer(name: ServerName): Promise<boolean> {
  return (await findServers())[name].mode !== 'none';
}

/** The server, to be run in the given mode if one is given. */
export async function needServer(name: ServerName, mode?: Mode): Promise<FoundServer> {
  const found = (await findServers())[name];
  if (found.mode === 'none') throw new Error(missingLine(name, found));
  if (mode === undefined || mode === found.mode) return found;
  if (mode === 'process' && found.bin !== undefined) return { mode, version: found.version, bin: found.bin };
  throw new Error(`${name} cannot be run as a ${mode} here`);
}
