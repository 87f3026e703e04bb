import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterNode, Runner } from './types.js';
import { forget, remember } from './watchdog.js';

const STOP_TIMEOUT_MS = 10_000;

export interface ProcessRunnerOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Holds data and log; removed with the runner. */
  readonly dir: string;
}

export class ProcessRunner implements Runner {
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #dir: string;
  readonly #log: string;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #paused = false;

  constructor({ program, args, dir }: ProcessRunnerOptions) {
    this.#program = program;
    this.#args = args;
    this.#dir = dir;
    this.#log = join(dir, 'log');
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get state(): ClusterNode['state'] {
    if (this.#child === undefined) return 'stopped';
    return this.#paused ? 'paused' : 'running';
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    // A file, not a pipe: a pipe fills up, and then the server waits, while the test process is busy.
    const log = openSync(this.#log, 'a');
    try {
      const child = spawn(this.#program, this.#args, { cwd: this.#dir, stdio: ['ignore', log, log] });
      await once(child, 'spawn');
      this.#adopt(child);
    } finally {
      closeSync(log);
    }
  }

  #adopt(child: ChildProcess): void {
    const pid = String(child.pid);
    remember('pid', pid);
    this.#child = child;
    this.#paused = false;
    this.#gone = new Promise((resolve) => {
      child.once('exit', () => {
        forget('pid', pid);
        this.#child = undefined;
        resolve();
      });
    });
    // A test that has forgotten to stop its servers must not hang.
    child.unref();
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.ref();
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#gone;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    this.#child?.ref();
    this.#child?.kill('SIGKILL');
    await this.#gone;
  }

  async pause(): Promise<void> {
    this.#signal('SIGSTOP');
    this.#paused = true;
  }

  async resume(): Promise<void> {
    this.#signal('SIGCONT');
    this.#paused = false;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child?.kill(signal) !== true) throw new Error(`${signal}: the server does not run`);
  }

  async isAlive(): Promise<boolean> {
    return this.#child !== undefined;
  }

  logs(): string {
    try {
      return readFileSync(this.#log, 'utf8');
    } catch {
      return '';
    }
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
