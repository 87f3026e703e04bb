import type { Coverage } from './coverage.js';
import { difference, type PlainFields } from './plain.js';
import type { Side } from './side.js';
import { isRead, type Step } from './step.js';

/** Two servers that are asked the same. */
export type Pair = readonly [Side, Side];

export interface Difference {
  /** The step at which it was noticed. */
  readonly at: number;
  readonly sentence: string;
}

/** So many reads are under way at once. */
const readsAtOnce = 16;

/** Plays a program on two empty stores, step by step on both at once. Gives the first difference, if there is one. */
export async function play(pair: Pair, steps: readonly Step[], coverage?: Coverage): Promise<Difference | undefined> {
  await both(pair, (side) => side.begin());
  for (let at = 0; at < steps.length; ) {
    const batch = batchAt(steps, at);
    const found = await Promise.all(batch.map((step) => playStep(pair, step, coverage)));
    const first = found.findIndex((sentence) => sentence !== undefined);
    if (first !== -1) return { at: at + first, sentence: found[first] ?? '' };
    at += batch.length;
  }
  return undefined;
}

function batchAt(steps: readonly Step[], at: number): readonly Step[] {
  let end = at;
  for (let step = steps[end]; step !== undefined && isRead(step) && end - at < readsAtOnce; step = steps[++end]);
  return steps.slice(at, Math.max(end, at + 1));
}

function both<T>(pair: Pair, run: (side: Side) => Promise<T>): Promise<[T, T]> {
  return Promise.all([run(pair[0]), run(pair[1])]);
}

async function playStep(pair: Pair, step: Step, coverage?: Coverage): Promise<string | undefined> {
  switch (step.kind) {
    case 'call':
      // What is not yet shown of the past of a watch would depend on how soon the server gets to it.
      return (
        (step.call === 'compact' ? await sync(pair, coverage) : undefined) ?? (await answers(pair, step, coverage))
      );
    case 'keep-alive':
      return answers(pair, step, coverage);
    case 'watch':
      await both(pair, (side) => side.watch(step.stream, step.request));
      coverage?.watched(step.request);
      return undefined;
    case 'progress':
      for (const side of pair) side.askForProgress(step.stream);
      coverage?.add('progress');
      return undefined;
    case 'sync':
      return (await sync(pair, coverage)) ?? sync(pair, coverage);
    default:
      return end(pair, step, coverage);
  }
}

async function answers(
  pair: Pair,
  step: Extract<Step, { kind: 'call' | 'keep-alive' }>,
  coverage?: Coverage,
): Promise<string | undefined> {
  const ask = (side: Side): Promise<PlainFields> =>
    step.kind === 'call' ? side.call(step.call, step.request) : side.keepAlive(step.request);
  const [a, b] = await both(pair, ask);
  coverage?.answered(step.kind === 'call' ? step.call : 'keepAlive', step.request, a);
  return difference(a, b);
}

/** What was sent just before the end of a watch may or may not come: so it comes first. */
async function end(
  pair: Pair,
  step: Extract<Step, { kind: 'cancel' | 'close' }>,
  coverage?: Coverage,
): Promise<string | undefined> {
  const found = await sync(pair, coverage);
  if (found !== undefined) return found;
  coverage?.add(step.kind);
  if (step.kind === 'close') for (const side of pair) side.closeStream(step.stream);
  else await both(pair, (side) => side.cancel(step.stream, step.id));
  return undefined;
}

async function sync(pair: Pair, coverage?: Coverage): Promise<string | undefined> {
  for (let n = Math.max(...pair.map((side) => side.ahead)); n > 0; n--) {
    const found = await answers(pair, { kind: 'call', call: 'put', request: { key: 'zz' } }, coverage);
    if (found !== undefined) return found;
  }
  const [a, b] = await both(pair, (side) => side.seen());
  coverage?.saw(a);
  if (pair.every((side) => side.fragments > 0)) coverage?.add('watch in fragments');
  return difference(a, b);
}
