/**
 * Plays random programs on a real etcd and on the embedded server at once, and tells where they differ.
 *
 *   npm run differential -- [--ops 200000] [--seed 1] [--lanes 2] [--against etcd]
 */
import { inspect, parseArgs } from 'node:util';
import { Coverage } from './coverage.js';
import { differ, type Verdict } from './differ.js';
import { required } from './required.js';
import { etcdAndDevServer, etcdTwice } from './servers.js';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { ops: text, seed: text, lanes: text, against: text } });

function whole(name: 'ops' | 'seed' | 'lanes', otherwise: number): number {
  const number = Number(values[name] ?? otherwise);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${name} must be a whole number above 0.`);
}

function explain({ finding }: Verdict): void {
  if (finding === undefined) return;
  console.log(`\nThey differ at step ${finding.at} of these ${finding.steps.length}; etcd first, then the other one:`);
  console.log(`  ${finding.sentence}\n`);
  for (const [n, step] of finding.steps.entries())
    console.log(`${n}  ${inspect(step, { depth: 12, breakLength: 160 })}`);
  const against = values.against === 'etcd' ? ' --against etcd' : '';
  console.log(`\nAgain: npm run differential -- --seed ${finding.seed} --ops 1${against}`);
}

async function main(): Promise<boolean> {
  const [ops, seed, lanes] = [whole('ops', 200_000), whole('seed', 1 + (Date.now() % 1_000_000)), whole('lanes', 2)];
  const start = values.against === 'etcd' ? etcdTwice : etcdAndDevServer;
  const running = await Promise.all(Array.from({ length: lanes }, () => start()));
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
  let told = 0;
  const progress = (played: number): void => {
    if (played - told < 20_000) return;
    told = played;
    console.log(`${played} steps in ${seconds()} s`);
  };
  try {
    console.log(`seed ${seed}, ${ops} steps, ${lanes} pairs of servers`);
    const coverage = new Coverage();
    const verdict = await differ({ pairs: running.map(({ pair }) => pair), seed, ops, coverage, progress });
    console.log(`${verdict.ops} steps of ${verdict.programs} programs in ${seconds()} s`);
    explain(verdict);
    const missing = verdict.finding !== undefined || ops < 20_000 ? [] : coverage.missing(required);
    for (const what of missing) console.log(`never occurred: ${what}`);
    if (verdict.finding === undefined) console.log('No difference.');
    return verdict.finding === undefined && missing.length === 0;
  } finally {
    await Promise.all(running.map((each) => each.stop()));
  }
}

process.exitCode = (await main()) ? 0 : 1;
