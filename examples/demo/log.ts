import type { DemoEvent, EventOf } from './events.js';

/** Everything that has happened, and a way to wait for what shall happen. */
export class Log {
  readonly #events: DemoEvent[] = [];
  readonly #readers = new Set<() => void>();
  readonly #print: (event: DemoEvent) => void;
  readonly #patienceMs: number;
  #closed = false;
  #muted = false;

  /** `patienceMs`: how long {@link until} waits. */
  constructor(print: (event: DemoEvent) => void, patienceMs: number) {
    this.#print = print;
    this.#patienceMs = patienceMs;
  }

  get events(): readonly DemoEvent[] {
    return this.#events;
  }

  /** From now on events are recorded, but not printed. */
  mute(muted: boolean): void {
    this.#muted = muted;
  }

  /** The play is over: what happens while everybody leaves is no part of it. */
  close(): void {
    this.#closed = true;
  }

  add(event: DemoEvent): void {
    if (this.#closed) return;
    this.#events.push(event);
    if (!this.#muted) this.#print(event);
    for (const look of [...this.#readers]) look();
  }

  /** All events of a kind, from the `from`th event on. */
  all<K extends DemoEvent['kind']>(kind: K, from = 0): readonly EventOf<K>[] {
    return this.#events.slice(from).filter((event): event is EventOf<K> => event.kind === kind);
  }

  /**
   * Waits until `find` finds something in what has happened. Rejects when that takes too long, when a worker fails, and
   * with the reason of the signal.
   */
  until<T>(what: string, signal: AbortSignal, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#readers.delete(look);
        signal.removeEventListener('abort', stop);
        settle();
      };
      const look = (): void => {
        const [failure] = this.all('fails');
        const found = find();
        if (found !== undefined) end(() => resolve(found));
        else if (failure !== undefined) end(() => reject(new Error(`${failure.who} failed: ${failure.reason}`)));
      };
      const stop = (): void => end(() => reject(signal.reason));
      const late = (): void => end(() => reject(new Error(`Waited ${this.#patienceMs} ms in vain until ${what}.`)));
      const timer = setTimeout(late, this.#patienceMs);
      this.#readers.add(look);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      else look();
    });
  }
}
