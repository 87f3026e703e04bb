/** What happens in the demo. Workers tell it, the timeline prints it, the checks judge it. */

/** What a worker tells about itself, at the moment at which it happens. */
export type WorkerEvent =
  | { readonly kind: 'joins'; readonly config: string }
  | { readonly kind: 'waits' }
  | { readonly kind: 'holds'; readonly token: bigint; readonly counter: number }
  | { readonly kind: 'adds'; readonly token: bigint; readonly counter: number; readonly revision: bigint }
  | { readonly kind: 'unsure'; readonly token: bigint; readonly code: string }
  | { readonly kind: 'releases'; readonly token: bigint }
  | { readonly kind: 'leads'; readonly token: bigint }
  | { readonly kind: 'loses'; readonly what: 'lock' | 'term'; readonly token: bigint; readonly code: string }
  | { readonly kind: 'refused'; readonly by: 'holder'; readonly token: bigint; readonly code: string }
  | { readonly kind: 'refused'; readonly by: 'store'; readonly token: bigint; readonly newest: bigint }
  | { readonly kind: 'config'; readonly config: string }
  | { readonly kind: 'fails'; readonly reason: string };

/** What is done to the workers. `halts`: the worker cannot act any more from this moment on. */
export type DirectorEvent =
  | { readonly kind: 'kills'; readonly whom: string; readonly how: string; readonly halts: boolean }
  | { readonly kind: 'pauses'; readonly whom: string; readonly how: string; readonly halts: boolean }
  | { readonly kind: 'wakes'; readonly whom: string; readonly how: string }
  | { readonly kind: 'tells'; readonly text: string };

/** One line of the timeline. */
export type DemoEvent = (WorkerEvent | DirectorEvent) & {
  readonly who: string;
  /** Milliseconds since the start of the demo, on a clock that all processes of the machine share. */
  readonly atMs: number;
};

export type EventOf<K extends DemoEvent['kind']> = Extract<DemoEvent, { readonly kind: K }>;

/** What a worker can be told to do. */
export type Order =
  /** Take the lock, add one, give it back; this many times, and rest so long in between. */
  | { readonly kind: 'count'; readonly times: number; readonly restMs: number }
  /** Take the lock, read the counter, and keep it so. */
  | { readonly kind: 'take' }
  /** Add one to what was read, by whatever right is left, and give the lock back. */
  | { readonly kind: 'write' };

/** The keys of one run of the demo, all below a prefix of its own. */
export interface Keys {
  readonly all: string;
  readonly lock: string;
  readonly election: string;
  readonly counter: string;
  readonly config: string;
}

export function keysBelow(prefix: string): Keys {
  return {
    all: `${prefix}/`,
    lock: `${prefix}/lock`,
    election: `${prefix}/election`,
    counter: `${prefix}/counter`,
    config: `${prefix}/config`,
  };
}

/** Milliseconds since `startNs` of the monotonic clock, which does not stop or jump, and is one for all processes. */
export function msSince(startNs: bigint): number {
  return Number(process.hrtime.bigint() - startNs) / 1e6;
}
