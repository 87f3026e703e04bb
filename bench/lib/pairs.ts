import { type Client, Mutex } from 'coterie';
import { freshPath } from './bench.js';
import { timeEach } from './interleave.js';

/** What rounds of something have cost so far, besides time. */
export interface Cost {
  requests: number;
  cpuUs: number;
}

/** Acquire and release, on a new mutex for each series: what earlier ones leave behind is the subject of another bench. */
export class Pairs {
  readonly #client: Client;
  readonly #path: string;
  #series = 0;

  constructor(client: Client, bench: string) {
    this.#client = client;
    this.#path = freshPath(bench);
  }

  /** Gives how long each pair took, in milliseconds. */
  measure(count: number): Promise<number[]> {
    const mutex = new Mutex(this.#client, `${this.#path}-${++this.#series}`);
    return timeEach(count, async () => {
      const hold = await mutex.acquire();
      if (!(await hold.release())) throw new Error('A mutex was lost.');
    });
  }
}

/** Adds to `cost` what something takes of the CPU of this process, and of requests. */
export async function counted<T>(cost: Cost, requests: () => number, run: () => Promise<T>): Promise<T> {
  const before = { requests: requests(), cpu: process.cpuUsage() };
  const result = await run();
  const { user, system } = process.cpuUsage(before.cpu);
  cost.requests += requests() - before.requests;
  cost.cpuUs += user + system;
  return result;
}
