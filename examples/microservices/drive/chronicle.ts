/** What happened in a run: what the services said, line by line, and what was done to them. */

export interface Happening {
  /** Milliseconds since 1970, by the wall clock that all processes of a machine share. */
  readonly atMs: number;
  /** Which service, or `driver`. */
  readonly service: string;
  readonly id: string;
  readonly event: string;
  readonly [about: string]: unknown;
}

export type Match = (happening: Happening) => boolean;

export class Chronicle {
  readonly #all: Happening[] = [];
  readonly #listeners = new Set<(happening: Happening) => void>();

  /** All of it, in the order in which it was heard of. */
  get all(): readonly Happening[] {
    return this.#all;
  }

  add(happening: Happening): void {
    this.#all.push(happening);
    for (const listener of [...this.#listeners]) listener(happening);
  }

  /** What the driver does. */
  tell(event: string, about: Readonly<Record<string, unknown>> = {}): void {
    this.add({ atMs: Date.now(), service: 'driver', id: 'driver', event, ...about });
  }

  onEach(listener: (happening: Happening) => void): void {
    this.#listeners.add(listener);
  }

  /** The first that matches, of those that there are or of those to come. Rejects when there is none in time. */
  until(what: string, match: Match, { timeoutMs, signal, from = 0 }: Patience): Promise<Happening> {
    const found = this.#all.slice(from).find(match);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const end = (run: () => void): void => {
        this.#listeners.delete(listener);
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        run();
      };
      const listener = (happening: Happening): void => {
        if (match(happening)) end(() => resolve(happening));
      };
      const abort = (): void => end(() => reject(signal.reason));
      const late = new Error(`This did not happen within ${timeoutMs} ms: ${what}.`);
      const timer = setTimeout(() => end(() => reject(late)), timeoutMs);
      this.#listeners.add(listener);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
    });
  }
}

/** How long to wait for anything, and what ends the waiting. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** How many of the happenings to pass over, as those of another scene. */
  readonly from?: number;
}

/** Tokens and revisions are written as text in logs. */
export function tokenOf({ token, revision }: Happening): bigint {
  return BigInt(String(token ?? revision));
}
