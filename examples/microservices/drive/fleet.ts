/** The services as processes: started, listened to, killed, paused, and ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Chronicle, Happening } from './chronicle.js';

export class Fleet {
  readonly #chronicle: Chronicle;
  readonly #common: readonly string[];
  readonly #members = new Map<string, ChildProcess>();
  readonly #killAll = (): void => {
    for (const child of this.#members.values()) child.kill('SIGKILL');
  };

  /** `common`: the flags that all get. */
  constructor(chronicle: Chronicle, common: readonly string[]) {
    this.#chronicle = chronicle;
    this.#common = common;
    // Whatever ends this process, no service outlives it.
    process.on('exit', this.#killAll);
  }

  /** Who runs, the paused included. */
  get running(): readonly string[] {
    return [...this.#members.keys()];
  }

  start(service: string, id: string, ...flags: readonly string[]): void {
    const script = fileURLToPath(new URL(`../${service}/main.js`, import.meta.url));
    const child = fork(script, ['--id', id, ...this.#common, ...flags], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#members.set(id, child);
    this.#chronicle.tell('starts', { whom: id, pid: child.pid });
    const hear = (stream: NodeJS.ReadableStream | null, read: (line: string) => Happening): void => {
      if (stream !== null) createInterface(stream).on('line', (line) => this.#chronicle.add(read(line)));
    };
    const said = (event: string, about: object): Happening => ({ atMs: Date.now(), service, id, event, ...about });
    hear(child.stdout, (line) => readLine(line) ?? said('complains', { line }));
    hear(child.stderr, (line) => said('complains', { line }));
    child.on('error', (error) => this.#chronicle.add(said('complains', { line: error.message })));
    // `close`: it has ended, and all that it said was heard.
    child.on('close', (code, signal) => {
      this.#members.delete(id);
      this.#chronicle.add(said('ended', { code, signal }));
    });
  }

  /** At once, as a crash would: it closes nothing and says goodbye to nobody. */
  kill(id: string): void {
    this.#send(id, 'SIGKILL', 'kills');
  }

  /** It stands still, in the middle of whatever it does. */
  pause(id: string): void {
    this.#send(id, 'SIGSTOP', 'pauses');
  }

  wake(id: string): void {
    this.#send(id, 'SIGCONT', 'wakes');
  }

  /** Asks them to end, and waits until they have. Who does not within `boundMs` is killed. */
  async stop(ids: readonly string[], boundMs: number): Promise<void> {
    const ends = ids.flatMap((id) => {
      const child = this.#members.get(id);
      return child === undefined ? [] : [once(child, 'close')];
    });
    for (const id of ids) this.#send(id, 'SIGTERM', 'stops');
    const timer = setTimeout(() => {
      for (const id of ids) if (this.#members.has(id)) this.kill(id);
    }, boundMs);
    await Promise.all(ends);
    clearTimeout(timer);
  }

  /** Kills who is left. */
  async close(): Promise<void> {
    const ends = [...this.#members.values()].map((child) => once(child, 'close'));
    this.#killAll();
    await Promise.all(ends);
    process.off('exit', this.#killAll);
  }

  #send(id: string, signal: NodeJS.Signals, event: string): void {
    if (this.#members.get(id)?.kill(signal)) this.#chronicle.tell(event, { whom: id, signal });
  }
}

function readLine(line: string): Happening | undefined {
  try {
    // Our services write their logs so; what is not JSON is something else.
    const { time, ...happening } = JSON.parse(line) as Happening & { readonly time: string };
    return { ...happening, atMs: Date.parse(time) };
  } catch {
    return undefined;
  }
}
