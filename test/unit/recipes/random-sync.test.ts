/**
 * Random clients of the counting recipes under random faults: answers lost, requests that come late, partitions, sessions
 * lost, callers that give up. What was acknowledged counts, once; what was not acknowledged counts at most once.
 */
import { expect, test } from 'vitest';
import { sleep } from '../../../src/core/signals.js';
import { AtomicCounter } from '../../../src/recipes/atomic-counter.js';
import { Sequence } from '../../../src/recipes/sequence.js';
import { SharedValue } from '../../../src/recipes/shared-value.js';
import { ambiguous, attempt, type Chance, type Ended, healedMs, seeds, trouble } from './random-sync-world.js';
import type { Node, World } from './world.js';

const path = '/random/it';
const nodeCount = 4;
const callsEach = 6;

/** Has each of several nodes make calls under faults, and collects how they ended. */
async function strike<T>(
  world: World,
  chance: Chance,
  call: (node: Node, at: number) => (options: { signal?: AbortSignal; timeoutMs?: number }) => Promise<T>,
): Promise<{ at: number; node: number; ended: Ended<T> }[]> {
  const nodes = Array.from({ length: nodeCount }, () => world.node());
  const calls: { at: number; node: number; ended: Ended<T> }[] = [];
  const workers = nodes.map(async (node, n) => {
    for (let i = 0; i < callsEach; i++) {
      const at = n * callsEach + i;
      await sleep(world.clock, chance.int(700));
      calls.push({ at, node: n, ended: await attempt(world, chance, call(node, at)) });
    }
  });
  let over = false;
  const troubled = trouble(world, chance, nodes, () => over);
  await world.clock.advance(10_000);
  over = true;
  await world.run(Promise.all([troubled, ...workers]), healedMs);
  // What is still under way comes to its end.
  await world.clock.advance(30_000);
  return calls;
}

function outcomeOf(ended: Ended<unknown>): string {
  return 'value' in ended ? 'acknowledged' : ended.failed;
}

/** What may count for a call that ended like this. */
function mayCount(ended: Ended<unknown>): readonly number[] {
  if ('value' in ended) return [1];
  return ambiguous.includes(ended.failed) ? [0, 1] : [0];
}

test('counter: each acknowledged addition counts once, any other at most once, and each result is one of a chain', async () => {
  await seeds(150, async (world, chance) => {
    const counters = new Map<Node, AtomicCounter>();
    // Each addition has a digit of its own, in base 4, so that the sum tells how often each counts.
    const calls = await strike(world, chance, (node, at) => {
      const counter = counters.get(node) ?? new AtomicCounter(node.client, path);
      counters.set(node, counter);
      return (options) => counter.add(4n ** BigInt(at), options);
    });
    const sum = await world.run(new AtomicCounter(world.node().client, path).get());
    const digit = (value: bigint, at: number) => Number((value / 4n ** BigInt(at)) % 4n);
    for (const { at, ended } of calls) expect(mayCount(ended), outcomeOf(ended)).toContain(digit(sum, at));
    const values = calls
      .flatMap(({ ended }) => ('value' in ended ? [ended.value] : []))
      .sort((a, b) => (a < b ? -1 : 1));
    const weight = (value: bigint) => calls.reduce((count, { at }) => count + digit(value, at), 0);
    const chain = [...values].sort((a, b) => weight(a) - weight(b));
    for (const [i, value] of chain.entries()) {
      const next = chain[i + 1] ?? sum;
      expect(calls.every(({ at }) => digit(value, at) <= digit(next, at))).toBe(true);
    }
    for (const { at, ended } of calls) if ('value' in ended) expect(digit(ended.value, at)).toBe(1);
  });
}, 120_000);

test('shared value: no update is lost or made twice, and each sees those before it', async () => {
  await seeds(120, async (world, chance) => {
    const values = new Map<Node, SharedValue<number[]>>();
    const calls = await strike(world, chance, (node, at) => {
      const value = values.get(node) ?? new SharedValue<number[]>(node.client, path);
      values.set(node, value);
      const slow = async (list: number[] = []) => {
        await sleep(world.clock, chance.int(20));
        return [...list, at];
      };
      return (options) => value.update(slow, options);
    });
    const list = (await world.run(new SharedValue<number[]>(world.node().client, path).get())) ?? [];
    for (const { at, ended } of calls) {
      expect(mayCount(ended), outcomeOf(ended)).toContain(list.filter((one) => one === at).length);
      if ('value' in ended) expect(ended.value).toEqual(list.slice(0, list.indexOf(at) + 1));
    }
  });
}, 120_000);

test('shared value: a set is seen once, though others set and delete meanwhile', async () => {
  await seeds(80, async (world, chance) => {
    const seen: (number | undefined)[] = [];
    const watch = world.cluster.store().watch({ key: path });
    const following = (async () => {
      for await (const batch of watch) {
        if (batch.kind === 'snapshot') continue;
        for (const { value } of batch.puts) seen.push(Number(Buffer.from(value).toString()));
      }
    })();
    const values = new Map<Node, SharedValue<number>>();
    const calls = await strike(world, chance, (node, at) => {
      const value = values.get(node) ?? new SharedValue<number>(node.client, path);
      values.set(node, value);
      return async (options) => {
        if (at % 3 === 2) await value.delete(options);
        else await value.set(at, options);
      };
    });
    await watch.return();
    await following;
    for (const { at, ended } of calls) {
      if (at % 3 !== 2) expect(mayCount(ended), outcomeOf(ended)).toContain(seen.filter((one) => one === at).length);
    }
  });
}, 120_000);

test('sequence: no id comes twice, and each client sees them grow', async () => {
  await seeds(120, async (world, chance) => {
    const sequences = new Map<Node, Sequence>();
    const calls = await strike(world, chance, (node) => {
      // A new object now and then, as after a restart.
      const known = chance.int(4) === 0 ? undefined : sequences.get(node);
      const sequence = known ?? new Sequence(node.client, path, { block: 1 + chance.int(3) });
      sequences.set(node, sequence);
      return (options) => sequence.next(options);
    });
    const ids = calls.flatMap(({ ended }) => ('value' in ended ? [ended.value] : []));
    expect(new Set(ids).size).toBe(ids.length);
    for (let n = 0; n < nodeCount; n++) {
      const mine = calls.flatMap(({ node, ended }) => (node === n && 'value' in ended ? [ended.value] : []));
      expect(mine).toEqual([...mine].sort((a, b) => (a < b ? -1 : 1)));
    }
  });
}, 120_000);
