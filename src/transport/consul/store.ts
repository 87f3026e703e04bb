import { checkCall, checkCommit, checkLease, checkRange, checkRead, checkTtl, closedError } from '../../core/checks.js';
import { type Clock, type Random, systemClock, systemRandom } from '../../core/clock.js';
import { observedCommit } from '../../core/observed-commit.js';
import { nameOf } from '../../core/ranges.js';
import type {
  CallOptions,
  Commit,
  CommitOptions,
  Guard,
  Lease,
  LeaseId,
  Op,
  Query,
  Range,
  ReadOptions,
  Snapshot,
  Store,
  StoreTraits,
  Watch,
} from '../../core/store.js';
import { CoordinationError, printable } from '../../errors.js';
import { Calls, type Job } from './calls.js';
import { Commits } from './commits.js';
import { select, type WireEntry, wireEntries } from './entries.js';
import { Failure } from './failure.js';
import type { Answer } from './http.js';
import { parseExactly } from './json.js';
import { checkNames, pathOf, type Scope, scopeOf, type WireRange, wireRange } from './keys.js';
import { type ConsulConfig, type ConsulOptions, resolveOptions } from './options.js';
import type { Polled, Question } from './poll.js';
import { Revisions, readIndex } from './revisions.js';
import { Sessions } from './sessions.js';
import { maxTxnOps } from './txn.js';
import { State } from './view.js';
import { Watches } from './watches.js';

/**
 * Consul's own limits: 64 operations, and 512 KiB for a transaction as JSON, where a value counts 4/3 of its size. What
 * is left of that for keys and the rest is 4 KiB.
 */
const consulTraits = {
  name: 'consul',
  maxOps: maxTxnOps,
  maxValueBytes: 380 * 1024,
  maxTtlMs: 86_400_000,
  ttlFactor: 2,
  exactHeld: true,
  rangeGuards: false,
  pastReads: false,
  binaryKeys: false,
} as const;

/** What a store has sent so far. */
export interface ConsulStats {
  /**
   * Requests by kind: `txn` (commits), `read`, `poll` (blocking queries), `grant`, `renew`, `revoke`, and `leader`: whether
   * another server leads now, asked once a second while anything is watched.
   */
  readonly requests: Readonly<Record<string, number>>;
  /** Blocking queries that are open now. */
  readonly openPolls: number;
}

/** Where a store gets its time and randomness from. */
export interface ConsulDeps {
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * A store on Consul, 1.8 or later. Opens nothing until the first call.
 *
 * Errors by code: `INVALID_ENDPOINT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_TIMEOUT`, `INSECURE_CREDENTIALS`.
 */
export function createConsulStore(options: ConsulOptions, deps: ConsulDeps = {}): ConsulStore {
  return new ConsulStore(options, deps);
}

/** {@link Store} on Consul; see {@link createConsulStore}. What is different here: docs/internals/consul-differences.md. */
export class ConsulStore implements Store {
  readonly traits: StoreTraits;
  readonly #life = new AbortController();
  readonly #clock: Clock;
  readonly #config: ConsulConfig;
  readonly #revisions: Revisions;
  readonly #calls: Calls;
  readonly #commits: Commits;
  readonly #sessions: Sessions;
  readonly #watches: Watches;

  constructor(options: ConsulOptions, { clock = systemClock, random = systemRandom }: ConsulDeps = {}) {
    const config = resolveOptions(options);
    this.#config = config;
    this.#clock = clock;
    this.traits = Object.freeze({ ...consulTraits, minTtlMs: config.session.minTtlMs });
    this.#revisions = new Revisions((error) => this.#end(error));
    this.#calls = new Calls(config, clock, random, (sinceMs) => this.#watches.renew(sinceMs));
    const { place, connections, timeouts } = config;
    this.#commits = new Commits({
      ...{ calls: this.#calls, clock, random, revisions: this.#revisions, place, callMs: timeouts.callMs },
      read: (query, call) => this.#read(query, wireRange(query), call),
      look: (key, call) => this.#look(key, call),
    });
    this.#sessions = new Sessions(this.#calls, config);
    this.#watches = new Watches({
      ...{ clock, random, connections: connections.watches, watchMs: timeouts.watchMs, leaderMs: timeouts.leaderMs },
      leader: (signal) => this.#leader(signal),
      ask: (question) => this.#ask(question),
      look: (scope, name) => this.#state(scope, name),
    });
  }

  get stats(): ConsulStats {
    return { requests: Object.fromEntries(this.#calls.counts), openPolls: this.#watches.openPolls };
  }

  async read(query: Query, options?: ReadOptions): Promise<Snapshot> {
    checkRead(this.traits, query, options);
    const range = wireRange(query);
    return await this.#read(query, range, options);
  }

  async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    checkCommit(this.traits, guards, ops, options);
    checkNames(ops);
    for (const query of options?.otherwise ?? []) wireRange(query);
    return await observedCommit(this.traits.name, this.#clock, guards, ops, () =>
      this.#commits.commit(guards, ops, options),
    );
  }

  watch(range: Range, options?: CallOptions): Watch {
    checkRange(range);
    wireRange(range);
    checkCall(options, 'watch');
    this.#life.signal.throwIfAborted();
    return this.#watches.watch(range, options);
  }

  async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    checkTtl(ttlMs, this.traits);
    checkCall(options, 'grant');
    return await this.#sessions.grant(ttlMs, options);
  }

  async renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    checkLease(lease);
    checkCall(options, 'renew');
    return await this.#sessions.renew(lease, options);
  }

  async revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    checkLease(lease);
    checkCall(options, 'revoke');
    await this.#sessions.revoke(lease, options);
  }

  async close(): Promise<void> {
    this.#end(closedError('store'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends everything with this error, which every later call rejects with as well. Only the first end counts. */
  #end(error: CoordinationError): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort(error);
    this.#calls.close(error);
    this.#watches.close(error);
  }

  async #read(query: Query, range: WireRange, options: CallOptions | undefined): Promise<Snapshot> {
    const since = this.#revisions.seen;
    const { found, index } = await this.#calls.call(readJob('read', scopeOf(range), nameOf(query)), options);
    return { revision: this.#revisions.ofRead(index, since), entries: select(found, range, query) };
  }

  async #look(key: string, options: CallOptions): Promise<WireEntry | undefined> {
    const scope = scopeOf({ text: key, recurse: false });
    const { found } = await this.#calls.call(readJob('read', scope, key), options);
    return found.find((entry) => entry.key === key);
  }

  async #state(scope: Scope, name: string): Promise<State> {
    const [since, { moment }] = [this.#revisions.seen, this.#watches];
    const { found, index } = await this.#calls.call(readJob('read', scope, name), undefined);
    return new State(this.#revisions.ofRead(index, since), found, moment);
  }

  /** Who leads, as far as the agent knows. Costs the servers next to nothing. */
  async #leader(signal: AbortSignal): Promise<string> {
    const { attemptMs } = this.#config.timeouts;
    const read = ({ body }: Answer): string => {
      const leader = parseExactly(body);
      return typeof leader === 'string' ? leader : '';
    };
    const job = {
      kind: 'leader',
      method: 'GET',
      path: '/v1/status/leader',
      read,
      verb: 'ask for the leader',
      rule: '',
    } as const;
    return await this.#calls.once(job, attemptMs, signal);
  }

  async #ask({ scope, name, index, signal }: Question): Promise<Polled> {
    const { watchMs, attemptMs } = this.#config.timeouts;
    const [since, { moment }] = [this.#revisions.seen, this.#watches];
    const query = index === undefined ? {} : { index: String(index), wait: `${watchMs}ms` };
    // The server may stay silent for a sixteenth longer than it was asked to.
    const beginMs = index === undefined ? attemptMs : watchMs + watchMs / 16 + attemptMs;
    const answer = await this.#calls.once(readJob('poll', scope, name, query), beginMs, signal);
    const state = new State(this.#revisions.ofRead(answer.index, since), answer.found, moment);
    return { state, index: answer.index };
  }
}

/** What an answer to a read has: entries, and the index of their range. */
interface Found {
  readonly found: readonly WireEntry[];
  readonly index: bigint;
}

/** A read that the leader answers once it has made sure that it is the leader. */
function readJob(
  kind: 'read' | 'poll',
  scope: Scope,
  name: string,
  query: Readonly<Record<string, string>> = {},
): Job<Found> {
  const { text, recurse } = scope;
  const rule = `${recurse ? 'key_prefix' : 'key'} "${printable(text)}" { policy = "read" }`;
  return {
    kind,
    method: 'GET',
    path: pathOf(scope),
    query: { consistent: '', ...(recurse && { recurse: '' }), ...query },
    accepts: [404],
    read: (answer) => foundIn(answer, scope, rule),
    verb: kind === 'read' ? 'read' : 'watch',
    details: { key: name },
    rule,
  };
}

function foundIn({ status, headers, body }: Answer, { text, recurse }: Scope, rule: string): Found {
  const index = readIndex(headers['x-consul-index']);
  // Newer versions say when they kept something back. A line with gaps would serve two at once.
  if (headers['x-consul-results-filtered-by-acls'] === 'true') {
    const meaning = { code: 'PERMISSION_DENIED', applied: 'no', remedy: 'none' } as const;
    throw new Failure(meaning, 'Consul kept back what the token may not read', { rule });
  }
  if (status === 404) return { found: [], index };
  const found = wireEntries(parseExactly(body));
  const strange = found.some(({ key }) => (recurse ? !key.startsWith(text) : key !== text));
  if (strange) throw new CoordinationError('PROTOCOL_ERROR', 'The answer has keys that were not asked for.');
  return { found, index };
}
