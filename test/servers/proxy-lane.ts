import type { Socket } from 'node:net';

export interface Rule {
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
  readonly drop?: boolean;
  readonly hold?: boolean;
}

export interface Rules {
  toServer: Rule;
  toClient: Rule;
}

/** The end of the stream (FIN) and a failure (RST) travel in the queue, behind the bytes sent before them. */
type Item = { readonly arrived: number } & ({ readonly bytes: Buffer } | { readonly end: 'fin' | 'reset' });

export interface LaneOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly rule: () => Rule;
  readonly onSwallow: (bytes: number) => void;
}

const QUEUE_LIMIT = 4 * 1024 * 1024;
/** Small enough that a throttled stream flows evenly. */
const SLICE_MS = 20;

/** One direction of one connection. */
export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #rule: () => Rule;
  readonly #onSwallow: (bytes: number) => void;
  #queue: Item[] = [];
  #queued = 0;
  #timer: NodeJS.Timeout | undefined;
  #blocked = false;
  #stopped = false;
  /** When the throttle lets the next bytes pass. */
  #open = 0;
  #hole = false;

  constructor({ from, to, rule, onSwallow }: LaneOptions) {
    this.#from = from;
    this.#to = to;
    this.#rule = rule;
    this.#onSwallow = onSwallow;
    from.on('data', (bytes: Buffer) => this.#take({ bytes }));
    from.on('end', () => this.#take({ end: 'fin' }));
    from.on('error', () => this.#take({ end: 'reset' }));
    to.on('drain', () => {
      this.#blocked = false;
      this.wake();
    });
  }

  /** Whether something was swallowed that the other side will never see. */
  get hasHole(): boolean {
    return this.#hole;
  }

  /** Bytes taken from the one side and not yet given to the other. */
  get queued(): number {
    return this.#queued;
  }

  #take(what: { readonly bytes: Buffer } | { readonly end: 'fin' | 'reset' }): void {
    if (this.#stopped) return;
    const { drop = false } = this.#rule();
    // After a hole nothing may follow, or the receiver would get a stream that was never sent.
    if (drop || this.#hole) {
      this.#hole = true;
      if ('bytes' in what) this.#onSwallow(what.bytes.length);
      return;
    }
    this.#queue.push({ arrived: performance.now(), ...what });
    if ('bytes' in what) this.#queued += what.bytes.length;
    if (this.#queued > QUEUE_LIMIT) this.#from.pause();
    this.wake();
  }

  wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (!this.#stopped && !this.#blocked) {
      const head = this.#queue[0];
      if (head === undefined) return;
      const { drop = false, hold = false, delayMs = 0, bytesPerSecond } = this.#rule();
      if (drop) {
        this.#swallow();
        return;
      }
      if (hold) return;
      const open = bytesPerSecond === undefined ? 0 : this.#open;
      const wait = Math.max(head.arrived + delayMs, open) - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.wake(), wait);
        return;
      }
      this.#pass(head);
    }
  }

  #swallow(): void {
    this.#hole = true;
    this.#onSwallow(this.#queued);
    this.#queue = [];
    this.#queued = 0;
    this.#from.resume();
  }

  #pass(head: Item): void {
    if ('bytes' in head) {
      this.#write(head.bytes, head.arrived);
      return;
    }
    this.#queue.shift();
    if (head.end === 'fin') this.#to.end();
    else this.#to.resetAndDestroy();
  }

  #write(bytes: Buffer, arrived: number): void {
    const { bytesPerSecond } = this.#rule();
    const most = bytesPerSecond === undefined ? bytes.length : Math.ceil((bytesPerSecond * SLICE_MS) / 1_000);
    const now = bytes.subarray(0, most);
    const rest = bytes.subarray(most);
    if (rest.length > 0) this.#queue[0] = { arrived, bytes: rest };
    else this.#queue.shift();
    this.#queued -= now.length;
    this.#open = bytesPerSecond === undefined ? 0 : performance.now() + (now.length * 1_000) / bytesPerSecond;
    if (!this.#to.destroyed) this.#blocked = !this.#to.write(now);
    if (this.#queued <= QUEUE_LIMIT) this.#from.resume();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#queued = 0;
  }
}
