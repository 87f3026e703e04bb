/** Histories made by seed: of a true object under load, and of no object at all. */

import type { Random } from '../../../../src/core/clock.js';
import type { Model } from '../../../../src/testing/checkers/model.js';
import type { Operation } from '../../../../src/testing/checkers/operation.js';

/** Numbers in [0, 1) that a seed decides. */
export function seeded(seed: number): Random {
  let state = (seed + 1) * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

export interface Load<S, I, O> {
  readonly model: Model<S, I, O>;
  /** What a client asks next. */
  readonly ask: (random: Random, client: number, at: number) => I;
  /** What an object in this state answers. */
  readonly answer: (state: S, input: I) => O;
  readonly clients: number;
  readonly operations: number;
  /** The part of the operations whose outcome is not known; half of them had no effect. */
  readonly unknown?: number;
}

/** What a true object does: each operation takes effect at one moment between its call and its return. */
export function generate<S, I, O>(load: Load<S, I, O>, seed: number): Operation<I, O>[] {
  const { model, ask, answer, clients, operations, unknown = 0 } = load;
  const random = seeded(seed);
  const history: Operation<I, O>[] = [];
  // Each client is under way at all times; the one whose next step is first takes it.
  const free = Array.from({ length: clients }, () => random() * 10);
  const moments: { at: number; process: string; input: I; callMs: number; returnMs: number }[] = [];
  for (let count = 0; count < operations; count++) {
    const client = free.indexOf(Math.min(...free));
    const callMs = free[client] as number;
    const returnMs = callMs + 1 + random() * 10;
    free[client] = returnMs + random();
    const at = callMs + random() * (returnMs - callMs);
    moments.push({ at, process: `p${client}`, input: ask(random, client, count), callMs, returnMs });
  }
  const states = new Map<string, S>();
  for (const { process, input, callMs, returnMs } of moments.sort((a, b) => a.at - b.at)) {
    const isUnknown = random() < unknown;
    if (isUnknown && random() < 0.5) {
      history.push({ kind: 'unknown', process, input, callMs });
      continue;
    }
    const part = model.partition?.(input) ?? '';
    const state = states.has(part) ? (states.get(part) as S) : model.initial;
    const output = answer(state, input);
    const next = model.step(state, input, { kind: 'ok', output });
    if (next.length === 0) throw new Error(`the model refuses the truth: ${JSON.stringify(input)}`);
    states.set(part, pick(random, next));
    history.push(
      isUnknown
        ? { kind: 'unknown', process, input, callMs }
        : { kind: 'ok', process, input, output, callMs, returnMs },
    );
  }
  return history;
}

/** A history in which anybody may have been told anything: for comparing checkers on what is mostly wrong. */
export function scramble<I, O>(
  random: Random,
  {
    operations,
    input,
    output,
    unknown,
  }: {
    readonly operations: number;
    readonly input: () => I;
    readonly output: (input: I) => O;
    readonly unknown: number;
  },
): Operation<I, O>[] {
  return Array.from({ length: operations }, (_, at) => {
    // Whole numbers from a small range: that calls and returns fall on one moment has to come up too.
    const callMs = Math.floor(random() * 12);
    const asked = input();
    const called = { process: `p${at}`, input: asked, callMs };
    if (random() < unknown) return { ...called, kind: 'unknown' };
    return { ...called, kind: 'ok', output: output(asked), returnMs: callMs + Math.floor(random() * 6) };
  });
}
