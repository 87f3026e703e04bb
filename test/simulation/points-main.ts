/**
 * Aborts every public operation at each of its awaits, lets each of its calls fail in each way, and breaks its watches at
 * each of their messages.
 *
 *   npm run points                                                       all of them, on both stores
 *   npm run points -- --only mutex/acquire --store etcd                  those whose names begin so
 *   npm run points -- --only 'mutex/acquire, free' --store etcd --point abort@17     just this point
 *   npm run points -- --pairs --json                                     after each point another call fails too
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Harm, Point } from 'coterie/testing';
import { type PointsResult, type PointsShare, searchShare, sharesOf } from './points/search.js';
import { runShares } from './pool.js';

const { values: args } = parseArgs({
  options: {
    only: { type: 'string' },
    store: { type: 'string' },
    point: { type: 'string' },
    pairs: { type: 'boolean', default: false },
    until: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
});

/** Wrong words are refused by the search itself. */
function pointOf(text: string): Point {
  const [harm = '', at = ''] = text.split('@');
  return { harm: harm as Harm, at: Number(at) };
}

function replayOf({ name, store }: PointsShare, message: string): string {
  const [, points] = /^\S+: ([a-zA-Z]+@\d+(?:,[a-zA-Z]+@\d+)*): /.exec(message) ?? [];
  return `npm run points -- --only '${name}' --store ${store}${points === undefined ? '' : ` --point ${points}`}`;
}

function countOf({ report }: PointsResult): number {
  return Object.values(report?.points ?? {}).reduce((sum, count) => sum + count, report?.pairs ?? 0);
}

function show(result: PointsResult): void {
  const { name, store, report, failure, seconds } = result;
  const list = (counts: object): string =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ');
  const found =
    report === undefined ? '' : `${list({ ...report.points, pairs: report.pairs })}; ended: ${list(report.ended)}`;
  console.log(`${name} on ${store}: ${failure?.message ?? found} (${seconds.toFixed(1)} s)`);
  if (failure !== undefined) console.log(`  to see it again: ${replayOf(result, failure.message)}`);
}

async function main(): Promise<boolean> {
  const shares = sharesOf(args.only, args.store, args.pairs);
  if (shares.length === 0) throw new Error('There is no such trial.');
  const results: PointsResult[] = [];
  const told = (result: PointsResult): boolean => {
    results.push(result);
    if (!args.json) show(result);
    return args.until === undefined || result.failure?.invariant !== args.until;
  };
  if (args.point !== undefined) {
    const only = args.point.split(',').map(pointOf);
    for (const share of shares) told(await searchShare({ ...share, only }));
  } else {
    const script = fileURLToPath(new URL('./points-worker.js', import.meta.url));
    await runShares(shares, Number(args.jobs), told, script);
  }
  const failed = results.filter(({ failure }) => failure !== undefined);
  if (args.json) console.log(JSON.stringify(results));
  else {
    const points = results.reduce((sum, result) => sum + countOf(result), 0);
    console.log(`${results.length} searches, ${points} points, ${failed.length} of them broken`);
  }
  return failed.length === 0;
}

process.exitCode = (await main()) ? 0 : 1;
