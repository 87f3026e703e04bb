import type { Model } from './model.js';
import type { Outcome } from './operation.js';

/**
 * What is asked of a lock. `acquire` also is what a try is recorded as. `expire` is what the world does, not a client: the
 * session of this owner died; what it held is free from then on.
 */
export interface LockInput {
  readonly op: 'acquire' | 'release' | 'expire';
  readonly owner: string;
  /** The lock, where there are several. */
  readonly key?: string;
}

const partition = ({ key = '' }: { readonly key?: string }): string => key;

/** What was answered with false had no effect, on any lock. */
function refused(_input: unknown, outcome: Outcome<unknown>): boolean {
  return outcome.kind === 'ok' && outcome.output === false;
}

/** The states of a lock after a release by this owner that answered `freed`, or of which nobody knows. */
function released(holder: string, owner: string, freed: boolean | undefined): readonly string[] {
  const holds = holder === owner;
  if (freed === undefined || freed === holds) return [holds ? '' : holder];
  return [];
}

/**
 * A lock that one owner holds at a time. `acquire` answers true, or false when it was held by anybody; `release` and
 * `expire` answer whether this owner held it. Not reentrant. Owners are not empty texts.
 */
export function mutexModel(): Model<string, LockInput, boolean> {
  return {
    name: 'a mutex',
    initial: '',
    partition,
    isRead: refused,
    step(holder, { op, owner }, outcome) {
      const said = outcome.kind === 'ok' ? outcome.output : undefined;
      if (op !== 'acquire') return released(holder, owner, said);
      if (said === false) return holder === '' ? [] : [holder];
      return holder === '' ? [owner] : [];
    },
  };
}

/** Who holds a fenced lock, and the last token it gave. */
interface Fenced {
  readonly holder: string;
  readonly token: bigint;
}

/**
 * A {@link mutexModel} whose `acquire` answers with a fencing token, larger than all before; or false when it was held.
 * Whether two owners believed to hold it at once is not for this model to say: record the loss as `expire`.
 */
export function fencedMutexModel(): Model<Fenced, LockInput, bigint | boolean> {
  return {
    name: 'a fenced mutex',
    initial: { holder: '', token: 0n },
    partition,
    key: ({ holder, token }) => `${token} ${holder}`,
    isRead: refused,
    step(state, { op, owner }, outcome) {
      const { holder, token } = state;
      const said = outcome.kind === 'ok' ? outcome.output : undefined;
      if (op !== 'acquire') {
        const freed = said === undefined ? undefined : said === true;
        return released(holder, owner, freed).map((next) => ({ holder: next, token }));
      }
      if (said === false) return holder === '' ? [] : [state];
      if (holder !== '') return [];
      // Of a token that nobody knows it is known that it was larger by one at least.
      if (said === undefined) return [{ holder: owner, token: token + 1n }];
      return typeof said === 'bigint' && said > token ? [{ holder: owner, token: said }] : [];
    },
  };
}

/** What is asked of a semaphore. `permits`, by default 1, go with `acquire` and `release`; `expire` frees all of an owner. */
export interface SemaphoreInput extends LockInput {
  readonly permits?: number;
}

type Permits = readonly (readonly [owner: string, permits: number])[];

function withPermits(held: Permits, owner: string, permits: number): Permits {
  const others = held.filter(([name]) => name !== owner);
  if (permits === 0) return others;
  return [...others, [owner, permits] as const].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * At most `limit` permits are held at once. `acquire` answers true, or false when there were not enough left; `release`
 * whether this owner held so many, `expire` whether it held any.
 */
export function semaphoreModel(limit: number): Model<Permits, SemaphoreInput, boolean> {
  return {
    name: `a semaphore of ${limit}`,
    initial: [],
    partition,
    isRead: refused,
    step(held, { op, owner, permits = 1 }, outcome) {
      const said = outcome.kind === 'ok' ? outcome.output : undefined;
      const own = held.find(([name]) => name === owner)?.[1] ?? 0;
      const free = limit - held.reduce((sum, [, count]) => sum + count, 0);
      const can = op === 'acquire' ? permits <= free : op === 'release' ? own >= permits : own > 0;
      // An answer has to be true to what could be done; without one it is done where it can be.
      if (said !== undefined && said !== can) return [];
      if (!can) return [held];
      if (op === 'expire') return [withPermits(held, owner, 0)];
      return [withPermits(held, owner, op === 'acquire' ? own + permits : own - permits)];
    },
  };
}

/** What is asked of a read-write lock: `read` and `write` acquire; `release` and `expire` end what the owner has. */
export interface ReadWriteInput {
  readonly op: 'read' | 'write' | 'release' | 'expire';
  readonly owner: string;
  /** The lock, where there are several. */
  readonly key?: string;
}

/** Its writer, or its readers, in the order of their names. */
interface Shared {
  readonly writer: string;
  readonly readers: readonly string[];
}

function sharedAfter({ writer, readers }: Shared, op: ReadWriteInput['op'], owner: string): Shared | undefined {
  const holds = writer === owner || readers.includes(owner);
  if (op === 'read') {
    if (writer !== '' || holds) return undefined;
    return { writer, readers: [...readers, owner].sort() };
  }
  if (op === 'write') return writer === '' && readers.length === 0 ? { writer: owner, readers } : undefined;
  if (!holds) return undefined;
  return { writer: writer === owner ? '' : writer, readers: readers.filter((name) => name !== owner) };
}

/**
 * A lock that one writer holds, or any number of readers, each once. `read` and `write` answer true, or false when the lock
 * could not be had; `release` and `expire` answer whether the owner had it.
 */
export function readWriteLockModel(): Model<Shared, ReadWriteInput, boolean> {
  return {
    name: 'a read-write lock',
    initial: { writer: '', readers: [] },
    partition,
    isRead: refused,
    step(state, { op, owner }, outcome) {
      const said = outcome.kind === 'ok' ? outcome.output : undefined;
      const next = sharedAfter(state, op, owner);
      if (said !== undefined && said !== (next !== undefined)) return [];
      return [next ?? state];
    },
  };
}
