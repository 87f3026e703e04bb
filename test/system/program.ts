import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { GaveUp } from '../servers/wait.js';
import { forget, remember } from '../servers/watchdog.js';
import { promptMs, until } from './tools.js';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that runs beside the test, and what it has said so far. */
export class Program {
  readonly lines: string[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #errors = '';
  #exit: Exit | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    // A program that is gone does not read any more; its exit says enough.
    child.stdin?.on('error', () => {});
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      // Not 'exit': what it said last may still be in the pipe then.
      child.once('close', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  /** What it wrote to its standard error. */
  get errors(): string {
    return this.#errors;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** Waits for the line of this number, from 0. */
  line(at: number, timeoutMs = promptMs): Promise<string> {
    return until(`line ${at} of a program`, () => this.#lineNow(at), { timeoutMs });
  }

  #lineNow(at: number): string | undefined {
    const line = this.lines[at];
    if (line === undefined && this.#exit !== undefined) {
      throw new GaveUp(`the program ended (${JSON.stringify(this.#exit)}) after ${at} lines; it said: ${this.#errors}`);
    }
    return line;
  }

  /** Gives it a line to read. */
  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#child.kill(signal)) throw new Error(`${signal}: the program does not run any more`);
  }

  /** Sends the signal and waits for the end. A program that has ended already is left alone. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    if (this.running) this.#child.kill(signal);
    return this.exited;
  }
}

/** Runs a script under plain Node, in which nothing that goes wrong in silence stays silent. */
export function startNode(script: string, argument: unknown, stdin: 'pipe' | 'ignore'): Program {
  const args = ['--unhandled-rejections=strict', '--trace-warnings', script, JSON.stringify(argument)];
  const child = spawn(process.execPath, args, { stdio: [stdin, 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } });
  const pid = String(child.pid);
  remember('pid', pid);
  child.once('exit', () => forget('pid', pid));
  return new Program(child);
}
