/** One thing that happened. */
export interface TraceEvent {
  readonly atMs: number;
  /** The number of the node that it happened to, 0 for the world around them. */
  readonly owner: number;
  /** What sort of thing, as `fault`, `commit`, `note`. */
  readonly kind: string;
  readonly text: string;
}

/**
 * What happened, in order. It is always kept as a number that changes with the least of it, to tell whether two runs took
 * the same course; in words only where somebody will read them.
 */
export class Trace {
  readonly #events: TraceEvent[] | undefined;
  #hash = 0x811c_9dc5;
  #count = 0;

  constructor(recording: boolean) {
    this.#events = recording ? [] : undefined;
  }

  get hash(): string {
    return this.#hash.toString(16).padStart(8, '0');
  }

  /** How many steps were taken. */
  get count(): number {
    return this.#count;
  }

  /** What was noted; empty where nothing is recorded. */
  get events(): readonly TraceEvent[] {
    return this.#events ?? [];
  }

  /** A task is about to run. */
  step(atMs: number, owner: number): void {
    this.#count++;
    this.#mix(Math.floor(atMs * 1024));
    this.#mix(owner);
  }

  note(atMs: number, owner: number, kind: string, text: string): void {
    for (let at = 0; at < kind.length; at++) this.#mix(kind.charCodeAt(at));
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
    this.#events?.push({ atMs, owner, kind, text });
  }

  /** FNV-1a, over numbers. */
  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x0100_0193) >>> 0;
  }
}
