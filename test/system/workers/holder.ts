/**
 * Waits for a mutex or to be elected, holds, and tells what it sees, an object per line. Reads commands, one per line:
 * `stall <ms>`, `release`, `close`. Starts and ends as any program would: nothing here calls process.exit.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Election, type Hold, isCoordinationError, Mutex, put } from 'coterie';
import { openStore } from './open.js';

export interface HolderOptions {
  readonly kind: 'mutex' | 'election';
  /** The URL of the store. */
  readonly store: string;
  readonly path: string;
  /** A key to write to while holding. */
  readonly state: string;
  readonly name: string;
  readonly ttlMs: number;
}

const { kind, store, path, state, name, ttlMs } = JSON.parse(process.argv[2] ?? '') as HolderOptions;
const client = await openStore(store, ttlMs);
/** How often it looks whether it still holds. */
const lookMs = 10;

// Written at once, and not through a stream: a process that is killed has still said what it said.
function tell(event: string, about: object = {}): void {
  writeSync(1, `${JSON.stringify({ event, ...about })}\n`);
}

function acquire(): Promise<Hold> {
  if (kind === 'election') return new Election(client, path).campaign(name);
  return new Mutex(client, path, { label: name }).acquire();
}

/** Looks at the hold all the time, from timers as a user's code would, until it is over. */
class Watchman {
  readonly #hold: Hold;
  #lastLook = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(hold: Hold) {
    this.#hold = hold;
    this.#look();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The time since the last look that found it held is told with the first one that does not. */
  #look(): void {
    const sinceLastLookMs = performance.now() - this.#lastLook;
    const held = this.#hold.isHeld();
    if (held) {
      this.#lastLook = performance.now();
      this.#timer = setTimeout(() => this.#look(), lookMs);
      return;
    }
    tell('looked', { held, aborted: this.#hold.signal.aborted, sinceLastLookMs });
    void afterLoss(this.#hold);
  }
}

/** Tries to write all the same: once as the library lets it, once as if nothing had been said. */
async function afterLoss(hold: Hold): Promise<void> {
  const ops = [put(state, name)];
  const code = await hold.commit(ops).then(
    () => 'written',
    (error: unknown) => (isCoordinationError(error) ? error.code : String(error)),
  );
  tell('commit', { code });
  const { ok } = await client.store.commit([hold.guard], ops);
  tell('guarded write', { ok });
  tell('released', { wasHeld: await hold.release() });
}

function stall(ms: number): void {
  const until = performance.now() + ms;
  tell('stalling');
  while (performance.now() < until);
}

const hold = await acquire();
hold.signal.addEventListener('abort', () => tell('signal', { code: hold.signal.reason.code, held: hold.isHeld() }));
tell('held', { token: String(hold.token), key: hold.key });
const watchman = new Watchman(hold);
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(' ');
  if (command === 'stall') stall(Number(argument));
  else watchman.stop();
  if (command === 'release') tell('released', { wasHeld: await hold.release() });
  if (command === 'close') break;
}
await client.close();
tell('closed');
process.stdin.destroy();
