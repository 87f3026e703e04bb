/** The benchmarks: `npm run bench -- --help`. What they measure, and how, is told in docs/performance.md. */
import type { ChildProcess } from 'node:child_process';
import { cpus } from 'node:os';
import { benches, benchNames } from './lib/benches.js';
import { exitCode, type Figure, missed } from './lib/figures.js';
import { type Options, parseOptions, usage } from './lib/options.js';
import { table } from './lib/report.js';
import { runBench } from './lib/run-bench.js';
import { Servers } from './lib/servers.js';

const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** What this process has started and has to end. */
class Started {
  readonly servers: Servers;
  readonly #children = new Set<ChildProcess>();

  constructor(servers: Servers) {
    this.servers = servers;
  }

  add(child: ChildProcess): void {
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.servers.stop();
  }

  stopOnSignals(): void {
    for (const [signal, number] of Object.entries(signals)) {
      process.once(signal, () => {
        this.stop();
        process.exit(128 + number);
      });
    }
  }
}

/** What came of the run: the figures, and the names of the benches that broke. */
interface Results {
  readonly figures: readonly Figure[];
  readonly broken: readonly string[];
}

async function runAll(options: Options, started: Started): Promise<Results> {
  const cores = cpus();
  remark(options, `node ${process.version}; ${cores.length} cores: ${cores[0]?.model ?? 'unknown'}`);
  const figures: Figure[] = [];
  const broken: string[] = [];
  for (const { name, about, needs } of benches.filter(({ name }) => options.only?.includes(name) ?? true)) {
    try {
      const endpoints = await started.servers.need(needs);
      say(options, `\n${name}: ${about}`);
      const order = { name, context: { endpoints, seconds: options.seconds } };
      const found = await runBench(order, (child) => started.add(child));
      say(options, table(found), ...found);
      figures.push(...found);
    } catch (error) {
      broken.push(name);
      const sentence = error instanceof Error ? error.message : String(error);
      process.stderr.write(`bench: ${name.toUpperCase()} COULD NOT RUN: ${sentence}\n`);
    }
  }
  return { figures, broken };
}

/** To people only; what is on stdout has to stay JSON, where that was asked for. */
function remark({ json }: Options, text: string): void {
  (json ? process.stderr : process.stdout).write(`${text}\n`);
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
  const started = new Started(new Servers(options, (about) => remark(options, `\n${about}`)));
  started.stopOnSignals();
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
