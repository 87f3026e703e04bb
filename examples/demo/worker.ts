import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, Election, type Term } from 'coterie';
import { textOf } from './counter.js';
import type { Keys, Order, WorkerEvent } from './events.js';
import { FencedCounter, tellLoss } from './fenced-counter.js';

export interface WorkerParts {
  readonly name: string;
  readonly client: Client;
  readonly keys: Keys;
  readonly tell: (event: WorkerEvent) => void;
}

/**
 * One of those who compete. It is the same code whether it runs in a process of its own, on etcd, or beside the others
 * in one process, on the embedded store: all it knows of the store is the client that it is given.
 */
export class Worker {
  readonly #name: string;
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #tell: (event: WorkerEvent) => void;
  readonly #counter: FencedCounter;
  readonly #election: Election;
  readonly #leaving = new AbortController();
  #config: string | undefined;

  constructor(parts: WorkerParts) {
    const { name, client, keys, tell } = parts;
    this.#name = name;
    this.#client = client;
    this.#keys = keys;
    this.#tell = tell;
    this.#counter = new FencedCounter(parts);
    this.#election = new Election(client, keys.election);
  }

  /** Follows the config and stands for election, until it leaves. */
  start(): void {
    this.#inBackground(this.#followConfig());
    this.#inBackground(this.#stand());
  }

  obey(order: Order): void {
    this.#inBackground(this.#carryOut(order));
  }

  /** Gives back all that is held, and closes the client. */
  async leave(): Promise<void> {
    this.#leaving.abort(new Error(`${this.#name} leaves.`));
    await this.#client.close();
  }

  async #carryOut(order: Order): Promise<void> {
    if (order.kind === 'count') await this.#count(order.times, order.restMs);
    else if (order.kind === 'take') await this.#counter.take(this.#leaving.signal);
    else await this.#counter.write();
  }

  async #count(times: number, restMs: number): Promise<void> {
    for (let done = 0; done < times; ) {
      await this.#counter.take(this.#leaving.signal);
      await sleep(restMs);
      if (await this.#counter.write()) done++;
    }
  }

  /** Leads whenever it is elected. `lead` stands again by itself after a term was lost. */
  async #stand(): Promise<void> {
    const office = async (term: Term, over: AbortSignal): Promise<void> => {
      tellLoss(term, 'term', this.#tell);
      this.#tell({ kind: 'leads', token: term.token });
      await aborted(over);
    };
    await this.#election.lead(this.#name, office, { signal: this.#leaving.signal });
  }

  async #followConfig(): Promise<void> {
    const { signal } = this.#leaving;
    for await (const batch of this.#client.store.watch({ key: this.#keys.config }, { signal })) {
      for (const entry of batch.kind === 'snapshot' ? batch.entries : batch.puts) this.#configIs(textOf(entry));
    }
  }

  /** A watch that had to start anew tells the present state again: not everything that it says is a change. */
  #configIs(config: string): void {
    if (config === this.#config) return;
    this.#tell({ kind: this.#config === undefined ? 'joins' : 'config', config });
    this.#config = config;
  }

  /** Nobody awaits what a worker does. So what goes wrong is told, unless it only ends because the worker leaves. */
  #inBackground(task: Promise<void>): void {
    task.catch((error: unknown) => {
      if (this.#leaving.signal.aborted) return;
      this.#tell({ kind: 'fails', reason: error instanceof Error ? error.message : String(error) });
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
