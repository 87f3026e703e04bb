import { test } from 'vitest';
import { Mutex } from '../../../src/recipes/mutex.js';
import { runSeed } from '../../../src/testing/simulation/run-seed.js';
import { isCoordinationError } from '../../../src/errors.js';
import { sleep } from '../../../src/core/signals.js';

test('try', async () => {
  const began = performance.now();
  const n = Number(process.env['N'] ?? 100);
  const first = Number(process.env['FIRST'] ?? 0);
  let steps = 0, got = 0, refused = 0; const fails: string[] = []; const struck = new Map<string, number>(); let bySeed = '';
  for (let seed = first; seed < first + n; seed++) {
    const out = await runSeed(async (world) => {
      world.run(4, async (node) => {
        const mutex = new Mutex(node.client, '/locks/a');
        while (node.running) {
          await sleep(node.clock, node.random.between(0, 300));
          if (!node.running) return;
          try {
            const hold = await mutex.acquire(node.random.chance(0.3) ? { timeoutMs: node.random.between(1, 5000) } : {});
            got++;
            const done = world.beliefs.add(node, hold, { invariant: 'M4', resource: '/locks/a' });
            await sleep(node.clock, node.random.between(0, 200), hold.signal).catch(() => {});
            done();
            await hold.release();
          } catch (error) {
            refused++;
            if (!isCoordinationError(error)) throw error;
          }
        }
      });
      await world.chaos();
    }, seed, { record: n === 1 });
    steps += out.steps;
    for (const [f, c] of out.struck) struck.set(f, (struck.get(f) ?? 0) + c);
    if (out.failure) fails.push(`${seed} ${out.store} ${out.order} ${out.failure.message}`);
    if (out.failure && n === 1) { console.log(out.events.slice(-80).map(e => `${e.atMs.toFixed(2)} ${e.owner} ${e.kind} ${e.text}`).join('\n')); console.log(out.failure.error); }
    if (n === 1) bySeed = out.hash;
  }
  const s = (performance.now() - began) / 1000;
  console.log({ perSecond: n / s, stepsPerSeed: steps / n, stepsPerS: steps / s, got: got / n, refused: refused / n, fails: fails.length, bySeed });
  console.log(fails.slice(0, 25).join('\n'));
  if (n > 50) console.log(Object.fromEntries(struck));
}, 600_000);
