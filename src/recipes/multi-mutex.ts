import { checkCall, checkFunction, checkKnown, invalidOption } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { Hold, type HoldParts, runHolding } from '../core/hold.js';
import { checkPath } from '../core/keys.js';
import type { Session } from '../core/session.js';
import { openScope, type Scope } from '../core/signals.js';
import { CoordinationError, printable } from '../errors.js';
import { joinLines } from './line-join.js';
import { Place, type Places } from './line-place.js';
import { readAll } from './line-read.js';
import { exclusive } from './line-rule.js';
import { type SessionChoice, type SessionSource, servedBy, sessionOptions, sessionSource } from './line-session.js';
import { confirmInLines, stayInLines } from './line-stay.js';
import { type AcquireOptions, aboutClient, ticketValue } from './line-ticket.js';

export interface MultiMutexOptions extends SessionChoice {
  /** A few words about who this is or what for, shown to those who look at one of the lines. */
  readonly label?: string | undefined;
}

/**
 * Several mutexes, held as one: they are lost together when one of them is, and given back together. `key` is the ticket
 * of the first path; {@link Hold.guards} has the guards of all.
 */
export class MultiHold extends Hold {
  /** The fencing token for each path. They are equal, as all tickets came into being in one commit. */
  readonly tokens: ReadonlyMap<string, bigint>;

  /** @internal */
  constructor(parts: HoldParts, paths: readonly string[]) {
    super(parts);
    this.tokens = new Map(paths.map((path) => [path, this.token]));
  }
}

/**
 * All or none of several mutexes, each of which may be a {@link Mutex} to others. Whoever wants several takes a place in
 * all the lines in one commit, so that two who want some of the same stand in the same order in each of these lines, and
 * never wait for each other.
 *
 * That holds for those who take all they need at once: who holds one and then waits for another can still be part of a
 * deadlock.
 */
export class MultiMutex {
  /** In order, whatever the order they were given in. */
  readonly paths: readonly string[];
  readonly #client: ClientContext;
  readonly #sessions: SessionSource;
  readonly #about: string;
  readonly #what: string;

  /**
   * Sends nothing. Throws `TOO_MANY_OPS` where the store cannot take so many at once (42 on etcd, 21 on Consul),
   * `DUPLICATE_KEY` for a path that is named twice, and `INVALID_OPTION` for none, or for one that lies under another;
   * else as {@link Mutex}.
   */
  constructor(client: ClientContext, paths: readonly string[], options: MultiMutexOptions = {}) {
    checkKnown(options, [...sessionOptions, 'label'], 'MultiMutex');
    this.paths = checkedPaths(client, paths);
    this.#sessions = sessionSource(client, options);
    this.#client = client;
    this.#about = aboutClient(client, 'multi-mutex', options.label);
    this.#what = `waiting in line at "${printable(this.paths[0])}" and ${this.paths.length - 1} more`;
  }

  /**
   * Waits for all of the mutexes. One round trip when all are free; otherwise, one after the other, as
   * {@link Mutex.acquire} for each that is not, and one round trip more. Rejects as that does, and then no ticket is left
   * in any of the lines.
   */
  async acquire(options: AcquireOptions = {}): Promise<MultiHold> {
    const value = this.#value(options);
    const { signal, timeoutMs } = options;
    return servedBy(this.#client, this.#sessions, { signal, timeoutMs }, this.#what, async (session, scope) => {
      const places = this.#places(session, value(), scope);
      return await stayInLines(places, async () => {
        await joinLines(places);
        let waited = false;
        for (const place of places) waited = (await place.wait()) || waited;
        // Those that were free first may have been deleted while the others were waited for.
        if (waited) await confirmInLines(places);
        return await this.#serve(places);
      });
    });
  }

  /**
   * All of the mutexes if all are free, else undefined, without waiting. One round trip and no write when one is busy,
   * two when all are free.
   */
  async tryAcquire(options: AcquireOptions = {}): Promise<MultiHold | undefined> {
    const value = this.#value(options);
    const { signal, timeoutMs } = options;
    using scope = openScope(this.#client.clock, { signal, timeoutMs }, `trying ${this.#what}`);
    const session = await this.#sessions.get(scope);
    const looks = this.paths.flatMap((path) => exclusive.look(`${path}/`, undefined));
    const lines = await readAll(this.#client, looks, scope);
    if (lines.some((line) => line.length > 0)) return undefined;
    const places = this.#places(session, value(), scope);
    return await stayInLines(places, async () => {
      await joinLines(places);
      return places.some((place) => place.blocker() !== undefined) ? undefined : await this.#serve(places);
    });
  }

  /** Runs `task` while holding all of the mutexes. As {@link Mutex.run}. */
  async run<T>(task: (hold: MultiHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    checkFunction(task, 'task');
    const hold = await this.acquire(options);
    return runHolding(hold, () => task(hold));
  }

  #value(options: AcquireOptions): () => Uint8Array {
    checkCall(options, 'acquire', ['info']);
    return () => ticketValue(this.#client, this.#about, options.info);
  }

  #places(session: Session, value: Uint8Array, scope: Scope): Places {
    const [first = '', ...rest] = this.paths;
    const placeAt = (path: string) => new Place(this.#client, session, path, value, exclusive, scope);
    return [placeAt(first), ...rest.map(placeAt)];
  }

  async #serve([first, ...rest]: Places): Promise<MultiHold> {
    const parts = await first.serve();
    const others = await Promise.all(rest.map((place) => place.serve()));
    // The hold watches all tickets by itself, when it has lasted for a while.
    for (const { watch } of [parts, ...others]) watch?.stop();
    const late = [parts, ...others].some((part) => part.late);
    return new MultiHold({ ...parts, also: others.map(({ ticket }) => ticket), late, watch: undefined }, this.paths);
  }
}

/** A place takes that a ticket is absent, the read of its line, and the put. */
const opsPerPath = 3;

function checkedPaths({ store }: ClientContext, paths: readonly string[]): readonly string[] {
  if (!Array.isArray(paths) || paths.length === 0)
    throw invalidOption('paths', 'paths must be an array of at least one path.');
  for (const path of paths) checkPath(path);
  const sorted = [...paths].sort();
  const within = new Set(sorted);
  if (within.size < sorted.length) {
    const twice = sorted.find((path, at) => path === sorted[at + 1]) ?? '';
    const sentence = `The path "${printable(twice)}" is named twice.`;
    throw new CoordinationError('DUPLICATE_KEY', sentence, { key: twice, field: 'paths' });
  }
  const under = sorted.find((path) => sorted.some((other) => path.startsWith(`${other}/`)));
  if (under !== undefined) throw invalidOption('paths', `"${printable(under)}" lies under another of the paths.`);
  const most = Math.floor(store.traits.maxOps / opsPerPath);
  if (sorted.length <= most) return sorted;
  const sentence = `${sorted.length} paths are too many for one commit: on ${store.traits.name}, ${most} fit.`;
  throw new CoordinationError('TOO_MANY_OPS', sentence, { field: 'paths' });
}
