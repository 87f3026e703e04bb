import { inspect } from 'node:util';
import { type CommandOptions, replay, Stopwatch } from '../command.js';
import { Coverage } from './coverage.js';
import { differ, type Verdict } from './differ.js';
import { required } from './required.js';
import { etcdAndDevServer, etcdTwice, type RunningPair } from './servers.js';

/** Shorter runs need not show everything. */
const longEnough = 20_000;

const pairs: Readonly<Record<string, () => Promise<RunningPair>>> = {
  wire: () => etcdAndDevServer(),
  etcd: () => etcdTwice(),
};

/** Plays random programs of requests on pairs of servers. Resolves to whether all is well. */
export async function compareServers({ of, ops, seed, lanes }: CommandOptions): Promise<boolean> {
  const start = pairs[of];
  if (start === undefined) throw new Error(`--of must be wire, etcd, store-consul, store-etcd or store-dev.`);
  const running = await Promise.all(Array.from({ length: lanes }, () => start()));
  const watch = new Stopwatch();
  try {
    console.log(`seed ${seed}, ${ops} operations, ${lanes} pairs of servers`);
    const coverage = new Coverage();
    const progress = (played: number): void => watch.tell(played, 20_000);
    const verdict = await differ({ pairs: running.map(({ pair }) => pair), seed, ops, coverage, progress });
    console.log(`${verdict.ops} operations of ${verdict.programs} programs in ${watch.seconds} s`);
    if (verdict.finding !== undefined) return explain(of, verdict.finding);
    const missing = ops < longEnough ? [] : coverage.missing(required);
    for (const what of missing) console.log(`never occurred: ${what}`);
    console.log('No difference.');
    return missing.length === 0;
  } finally {
    await Promise.all(running.map((each) => each.stop()));
  }
}

function explain(of: string, { at, seed, sentence, steps }: NonNullable<Verdict['finding']>): false {
  console.log(`\nThey differ at step ${at} of these ${steps.length}; etcd first, then the other one:\n  ${sentence}\n`);
  for (const [n, step] of steps.entries()) console.log(`${n}  ${inspect(step, { depth: 12, breakLength: 160 })}`);
  console.log(`\n${replay(of, seed)}`);
  return false;
}
