/** The benchmarks: `npm run bench -- --help`. What they measure, and how, is told in docs/performance.md. */
import type { ChildProcess } from 'node:child_process';
import { cpus } from 'node:os';
import { benches, benchNames } from './lib/benches.js';
import { startEtcd, versionOf } from './lib/etcd-server.js';
import { exitCode, type Figure, missed } from './lib/figures.js';
import { type Options, parseOptions, usage } from './lib/options.js';
import { table } from './lib/report.js';
import { runBench } from './lib/run-bench.js';

/** What this process has started and has to end. */
class Started {
  readonly #stops = new Set<() => void>();

  add(stop: () => void): void {
    this.#stops.add(stop);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }
}

const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

function stopOnSignals(started: Started): void {
  for (const [signal, number] of Object.entries(signals)) {
    process.once(signal, () => {
      started.stop();
      process.exit(128 + number);
    });
  }
}

async function endpointsFor(
  { endpoints, fsync }: Options,
  needed: boolean,
  started: Started,
): Promise<readonly string[]> {
  if (!needed) return [];
  if (endpoints !== undefined) {
    // A client would wait for them to come up.
    for (const endpoint of endpoints) await versionOf(endpoint);
    return endpoints;
  }
  const server = await startEtcd(fsync);
  started.add(server.stop);
  return [server.endpoint];
}

async function versions(endpoints: readonly string[], about: string): Promise<string> {
  const found = await Promise.all(endpoints.map(versionOf));
  const etcd = [...new Set(found)].join(' and ');
  const cores = cpus();
  return [
    `node ${process.version}`,
    ...(found.length > 0 ? [`etcd ${etcd}${about}`] : []),
    `${cores.length} cores: ${cores[0]?.model ?? 'unknown'}`,
  ].join('; ');
}

/** What came of the run: the figures, and the names of the benches that broke. */
interface Results {
  readonly figures: readonly Figure[];
  readonly broken: readonly string[];
}

async function runAll(options: Options, started: Started): Promise<Results> {
  const chosen = benches.filter(({ name }) => options.only?.includes(name) ?? true);
  const needed = chosen.some(({ needsEtcd }) => needsEtcd);
  const endpoints = await endpointsFor(options, needed, started);
  const own = options.fsync ? ', one member' : ', one member, no fsync';
  const about = await versions(endpoints, options.endpoints === undefined ? own : '');
  (options.json ? process.stderr : process.stdout).write(`${about}\n`);
  const figures: Figure[] = [];
  const broken: string[] = [];
  for (const { name, about } of chosen) {
    const order = { name, context: { endpoints, seconds: options.seconds } };
    say(options, `\n${name}: ${about}`);
    try {
      const found = await runBench(order, (child: ChildProcess) => started.add(() => child.kill('SIGKILL')));
      say(options, table(found), ...found);
      figures.push(...found);
    } catch (error) {
      broken.push(name);
      process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return { figures, broken };
}

/** To people the text, to programs a line of JSON for each object. */
function say({ json }: Options, text: string, ...objects: readonly object[]): void {
  const lines = json ? objects.map((object) => JSON.stringify(object)) : [text];
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function conclude(options: Options, { figures, broken }: Results): void {
  const misses = missed(figures);
  const names = misses.map(({ bench, name, value }) => `${bench}: ${name} (${value})`);
  if (names.length > 0) process.stderr.write(`\nmissed: ${names.join('; ')}\n`);
  process.exitCode = exitCode(figures, broken, options.gate);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), benchNames());
  if (options.help) {
    process.stdout.write(`${usage}\nBenches:\n${benches.map(({ name, about }) => `  ${name}: ${about}\n`).join('')}`);
    return;
  }
  const started = new Started();
  stopOnSignals(started);
  try {
    conclude(options, await runAll(options, started));
  } finally {
    started.stop();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
