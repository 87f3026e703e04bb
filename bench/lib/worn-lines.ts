import { type Client, Mutex } from 'coterie';
import { freshPath } from './bench.js';
import { type Figure, Figures } from './figures.js';
import { interleave, samplesOf, timeEach } from './interleave.js';
import { quantile } from './statistics.js';

const times = 3_000;
const perRound = 25;

/** What a mutex costs that was taken many times before, beside one that was not, by turns. Takes about `seconds`. */
export async function wornFigures(name: string, client: Client, seconds: number): Promise<readonly Figure[]> {
  const paths = { fresh: `${freshPath(name)}-fresh`, worn: freshPath(name) };
  await timeEach(times, pairOn(client, paths.worn));
  const sides = Object.entries(paths).map(([side, path]) => {
    return { name: side, round: () => timeEach(perRound, pairOn(client, path)) };
  });
  const samples = await interleave(sides, { forMs: seconds * 1_000, minRounds: 10 });
  const [fresh = Number.NaN, old = Number.NaN] = sides.map((side) => quantile(samplesOf(samples, side.name), 0.5));
  return new Figures(name)
    .add('acquire + release, never taken before, p50', fresh, 'ms')
    .add(`acquire + release, taken ${times.toLocaleString('en')} times before, p50`, old, 'ms')
    .add('more for each 1,000 times', ((old - fresh) * 1_000_000) / times, 'µs').list;
}

function pairOn(client: Client, path: string): () => Promise<void> {
  const mutex = new Mutex(client, path);
  return async () => {
    const hold = await mutex.acquire();
    await hold.release();
  };
}
