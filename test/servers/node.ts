import type { ClusterNode, Runner } from './types.js';
import { GaveUp, waitFor } from './wait.js';

/** Where the reason stands differs: before the help text for a bad flag, else at the end. */
function excerpt(log: string): string {
  const lines = log.trimEnd().split('\n');
  return (lines.length <= 20 ? lines : [...lines.slice(0, 5), '...', ...lines.slice(-15)]).join('\n');
}

export interface NodeOptions {
  readonly name: string;
  readonly endpoint: string;
  readonly runner: Runner;
  /** Whether the node serves; may reject. */
  readonly isHealthy: () => Promise<boolean>;
}

export class ServerNode implements ClusterNode {
  readonly name: string;
  readonly endpoint: string;
  readonly #runner: Runner;
  readonly #isHealthy: () => Promise<boolean>;

  constructor({ name, endpoint, runner, isHealthy }: NodeOptions) {
    this.name = name;
    this.endpoint = endpoint;
    this.#runner = runner;
    this.#isHealthy = isHealthy;
  }

  get pid(): number | undefined {
    return this.#runner.pid;
  }

  get state(): ClusterNode['state'] {
    return this.#runner.state;
  }

  async start(): Promise<void> {
    try {
      await this.#runner.start();
    } catch (error) {
      // A container that ended at once shows up as a missing port; the reason stands in its log.
      throw new Error(`${this.name} did not start; its log:\n${excerpt(this.logs())}`, { cause: error });
    }
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }

  kill(): Promise<void> {
    return this.#runner.kill();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  pause(): Promise<void> {
    return this.#runner.pause();
  }

  resume(): Promise<void> {
    return this.#runner.resume();
  }

  async waitHealthy(timeoutMs = 30_000): Promise<void> {
    await waitFor(() => this.#healthyOrDead(), { timeoutMs, what: `${this.name} healthy` });
  }

  async #healthyOrDead(): Promise<boolean> {
    try {
      if (await this.#isHealthy()) return true;
    } catch {
      // Not yet; or never, as the next line finds out.
    }
    if (await this.#runner.isAlive()) return false;
    throw new GaveUp(`${this.name} does not run; its log:\n${excerpt(this.logs())}`);
  }

  logs(): string {
    return this.#runner.logs();
  }

  remove(): Promise<void> {
    return this.#runner.remove();
  }
}
