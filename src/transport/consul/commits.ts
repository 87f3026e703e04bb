import { Backoff } from '../../core/backoff.js';
import type { Clock, Random } from '../../core/clock.js';
import { firstNameOf } from '../../core/ranges.js';
import type { CallOptions, Commit, CommitOptions, Guard, Op, Query, Snapshot } from '../../core/store.js';
import { CoordinationError, type ErrorDetails, printable } from '../../errors.js';
import type { Calls } from './calls.js';
import { select, type WireEntry, wireEntry } from './entries.js';
import { Failure, meaningOf, withoutNames } from './failure.js';
import type { Answer } from './http.js';
import { garbled, listOf, objectOf, parseExactly, wholeNumber } from './json.js';
import { isEverything, wireKey, wireRange } from './keys.js';
import type { Revisions } from './revisions.js';
import { Tickets } from './tickets.js';
import { type Holders, maxTxnOps, type Txn, type TxnMeans, type TxnResults, toTxn } from './txn.js';

/** What commits need of their store. */
export interface CommitContext {
  readonly calls: Calls;
  readonly clock: Clock;
  readonly random: Random;
  readonly revisions: Revisions;
  readonly place: Readonly<Record<string, string>>;
  readonly callMs: number;
  read(query: Query, options: CallOptions): Promise<Snapshot>;
  /** One key as it stands, by its name in Consul. */
  look(key: string, options: CallOptions): Promise<WireEntry | undefined>;
}

/** What became of one transaction. */
type Outcome =
  | { readonly kind: 'done'; readonly results: TxnResults; readonly since: bigint }
  /** Some guards did not hold: these, by number. Nothing was applied. */
  | { readonly kind: 'refused'; readonly guards: readonly number[] }
  /** Other sessions hold keys that were to be put. Nothing was applied. */
  | { readonly kind: 'held' }
  /** Keys cannot be locked just now, although nobody holds them. Nothing was applied. */
  | { readonly kind: 'delayed'; readonly failure: Failure };

/** By these Consul's own lock and semaphore know their keys. */
const foreignFlags: ReadonlySet<bigint> = new Set([0x2ddc_cbc0_58a5_0c18n, 0xe0f6_9a2b_aa41_4de0n]);

/** How often a commit may find that what it was told to count on has changed since it looked. */
const maxSurprises = 10;

/** A commit under way, over as many transactions as it takes. All but the last have applied nothing. */
interface Attempt {
  readonly guards: readonly Guard[];
  readonly ops: readonly Op[];
  readonly options: CommitOptions;
  readonly untilMs: number;
  readonly backoff: Backoff;
  readonly details: ErrorDetails;
}

/** Commits as Consul's transactions. */
export class Commits {
  readonly #context: CommitContext;
  readonly #tickets = new Tickets();
  #lastFlags: number;

  constructor(context: CommitContext) {
    this.#context = context;
    // Of at most 15 digits: exact as a number, in every language.
    this.#lastFlags = Math.floor(context.random() * 9e14);
  }

  async commit(guards: readonly Guard[], ops: readonly Op[], options: CommitOptions = {}): Promise<Commit> {
    const { clock, random, callMs } = this.#context;
    const untilMs = clock.now() + (options.timeoutMs ?? callMs);
    const backoff = new Backoff(clock, random, { baseMs: 100, capMs: 1_000 });
    const key = firstNameOf(guards, ops);
    return await this.#run({ guards, ops, options, untilMs, backoff, details: key === undefined ? {} : { key } });
  }

  async #run(attempt: Attempt): Promise<Commit> {
    const { guards, ops } = attempt;
    let holders: Holders = new Map();
    for (let surprises = 0; surprises <= maxSurprises; ) {
      const outcome = await this.#send(toTxn(guards, ops, this.#means(holders)), attempt);
      if (outcome.kind === 'done') return await this.#done(outcome, attempt);
      if (outcome.kind === 'refused') {
        surprises++;
        if (!(await this.#findTickets(outcome.guards, attempt))) return await this.#refused(attempt);
      } else if (outcome.kind === 'held') {
        surprises++;
        holders = await this.#findHolders(attempt);
      } else if (!(await this.#waitForDelay(outcome.failure, attempt))) return await this.#refused(attempt);
    }
    const sentence = 'The keys of a commit changed again and again while it was to be made; nothing was applied.';
    throw new CoordinationError('UNAVAILABLE', sentence, attempt.details);
  }

  #means(holders?: Holders): TxnMeans {
    return { flags: () => ++this.#lastFlags, ticketIndex: this.#tickets.indexOf, ...(holders && { holders }) };
  }

  /** What is left of the time, for the next request. */
  #call({ options, untilMs }: Attempt): CallOptions {
    return { signal: options.signal, timeoutMs: Math.max(1, untilMs - this.#context.clock.now()) };
  }

  async #send(txn: Txn, attempt: Attempt): Promise<Outcome> {
    const { calls, place, revisions } = this.#context;
    const { readsOnly } = txn;
    const since = revisions.seen;
    const job = {
      kind: 'txn',
      method: 'PUT',
      path: '/v1/txn',
      // One that only looks is a read, for which the leader has to make sure that it still is one.
      ...(readsOnly && { query: { consistent: '' } }),
      body: txn.body(place),
      accepts: [409],
      read: (answer: Answer) => outcomeOf(answer, txn, since),
      write: !readsOnly,
      verb: 'commit',
      details: attempt.details,
      rule: txn.rule(),
    } as const;
    return await calls.call(job, this.#call(attempt));
  }

  async #done({ results, since }: Outcome & { kind: 'done' }, attempt: Attempt): Promise<Commit> {
    const { revisions } = this.#context;
    const { index, stillHeld, newest } = results;
    for (const entry of results.rewritten) this.#tickets.note(entry);
    const reads = results.reads.map(({ query, range, found }) => select(found, range, query));
    const deleted = attempt.ops.find((op) => op.kind === 'delete');
    if (index !== undefined) {
      const revision = revisions.ofWrite(index, since);
      if (stillHeld.length === 0) return { ok: true, revision, reads };
      return {
        ok: true,
        revision: await this.#applied(() => this.#detach(stillHeld, revision, attempt), attempt),
        reads,
      };
    }
    if (deleted === undefined) return { ok: true, revision: revisions.ofRead(newest, since), reads };
    // There was no room for a write that tells the index. A read after it does, or tells a later one.
    const { revision } = await this.#applied(() => this.#context.read(deleted.range, this.#call(attempt)), attempt);
    return { ok: true, revision, reads };
  }

  /** What follows on a commit that has been applied: its failure must not look as if nothing was. */
  async #applied<T>(follow: () => Promise<T>, { options, details }: Attempt): Promise<T> {
    try {
      return await follow();
    } catch (cause) {
      options.signal?.throwIfAborted();
      const sentence = 'A commit was applied, but what belongs to it could not be done.';
      throw new CoordinationError('UNKNOWN_OUTCOME', sentence, { ...details, cause });
    }
  }

  /**
   * Takes keys off the sessions that hold them, where a commit was too large to see to that by itself. Resolves to the
   * revision of the last write. What others have written since stays as they have left it.
   */
  async #detach(held: readonly WireEntry[], revision: bigint, attempt: Attempt): Promise<bigint> {
    let last = revision;
    for (let at = 0; at < held.length; at += maxTxnOps / 2) {
      const some = held.slice(at, at + maxTxnOps / 2);
      const sessions = new Map(some.map(({ key, session }) => [key, session as string])); // Those that have one.
      const ops = attempt.ops.filter((op) => op.kind === 'put' && sessions.has(wireKey(op.key)));
      const guards = some.map(({ key, modified }): Guard => ({ kind: 'unchanged', key, modified }));
      const outcome = await this.#send(toTxn(guards, ops, this.#means(sessions)), attempt);
      if (outcome.kind !== 'done' || outcome.results.index === undefined) continue;
      last = this.#context.revisions.ofWrite(outcome.results.index, outcome.since);
    }
    return last;
  }

  async #refused(attempt: Attempt): Promise<Commit> {
    const { otherwise = [] } = attempt.options;
    const [query, ...more] = otherwise;
    if (query === undefined) return { ok: false, revision: this.#context.revisions.seen, reads: [] };
    if (more.length === 0) {
      const { revision, entries } = await this.#context.read(query, this.#call(attempt));
      return { ok: false, revision, reads: [entries] };
    }
    // One transaction sees all of them at the same index. It cannot read everything.
    if (otherwise.some((range) => isEverything(wireRange(range)))) {
      const snapshots = await Promise.all(otherwise.map((each) => this.#context.read(each, this.#call(attempt))));
      return { ok: false, revision: this.#context.revisions.seen, reads: snapshots.map(({ entries }) => entries) };
    }
    const ops = otherwise.map((query): Op => ({ kind: 'read', query }));
    const { revision, reads } = await this.#run({ ...attempt, guards: [], ops });
    return { ok: false, revision, reads };
  }

  /**
   * After a refusal by these guards: whether all of them are about tickets that are there still, and were only written
   * again, by others or before this was known here. Then the commit can be made with what was found.
   */
  async #findTickets(refusing: readonly number[], attempt: Attempt): Promise<boolean> {
    const tickets = refusing.flatMap((at) => {
      const guard = attempt.guards[at];
      return guard?.kind === 'held' ? [guard] : [];
    });
    if (tickets.length === 0 || tickets.length < refusing.length) return false;
    const looks = tickets.map(async ({ key, created, lease }) => {
      const entry = await this.#context.look(wireKey(key), this.#call(attempt));
      if (entry?.created !== created || entry.session !== lease) return false;
      this.#tickets.note(entry);
      return true;
    });
    return (await Promise.all(looks)).every((there) => there);
  }

  /** Who holds the keys to be put. Takes nothing away from Consul's own locks, whose holders count on it. */
  async #findHolders(attempt: Attempt): Promise<Holders> {
    const keys = attempt.ops.flatMap((op) => (op.kind === 'put' ? [wireKey(op.key)] : []));
    const looks = keys.map((key) => this.#context.look(key, this.#call(attempt)));
    const holders = new Map<string, string>();
    for (const entry of await Promise.all(looks)) {
      if (entry?.session === undefined) continue;
      if (foreignFlags.has(entry.flags)) throw foreignLock(entry.key);
      holders.set(entry.key, entry.session);
    }
    return holders;
  }

  /**
   * Waits for a lock-delay to pass. Resolves to false where a guard does not hold: Consul says nothing of guards while a
   * delay lasts. Throws `TIMEOUT` where the delay outlasts the call.
   */
  async #waitForDelay(failure: Failure, attempt: Attempt): Promise<boolean> {
    const { guards, untilMs, backoff, details, options } = attempt;
    if (guards.length > 0) {
      const looked = await this.#send(toTxn(guards, [], this.#means()), attempt);
      if (looked.kind === 'refused') return await this.#findTickets(looked.guards, attempt);
    }
    const { clock, calls } = this.#context;
    const waitMs = backoff.nextMs();
    if (clock.now() + waitMs < untilMs) {
      await calls.pause(waitMs, options.signal);
      return true;
    }
    const cause = failure.toError('commit', details);
    const sentence =
      'Timed out in a lock-delay: the session of the last holder has ended, and Consul keeps others off for a while.';
    throw new CoordinationError('TIMEOUT', sentence, { ...details, field: 'timeoutMs', cause });
  }
}

function foreignLock(key: string): CoordinationError {
  const sentence = `"${printable(key)}" is held by Consul's own lock or semaphore, which would not notice that it lost it; use another key.`;
  return new CoordinationError('REFUSED_BY_STORE', sentence, { key, problem: 'foreign-lock' });
}

/** Makes sense of the answer to a transaction. Throws `PROTOCOL_ERROR`, or the failure that it tells of. */
function outcomeOf({ status, body }: Answer, txn: Txn, since: bigint): Outcome {
  const { Results, Errors } = objectOf(parseExactly(body), 'an answer to a transaction');
  if (status === 200) {
    const entries = listOf(Results, 'Results').map((result) => wireEntry(objectOf(result, 'a result')['KV']));
    return { kind: 'done', results: txn.results(entries), since };
  }
  const errors = listOf(Errors, 'Errors').map((error) => {
    const { OpIndex, What } = objectOf(error, 'an error');
    if (typeof What !== 'string') throw garbled('an error says nothing');
    const at = Number(wholeNumber(OpIndex, 'OpIndex'));
    return { at, said: What, failure: new Failure(meaningOf(status, What), What, { rule: txn.rule(at) }) };
  });
  const severe = errors.find(({ failure }) => !excusable.has(failure.meaning.code));
  if (severe !== undefined) throw severe.failure;
  const guards = errors.flatMap(({ at }) => (txn.isGuard(at) ? [at] : []));
  if (guards.length > 0) return { kind: 'refused', guards };
  const delay = errors.find(({ said }) => withoutNames(said).includes('lock delay'));
  if (delay !== undefined) return { kind: 'delayed', failure: delay.failure };
  const dead = errors.find(({ failure }) => failure.meaning.code === 'LEASE_NOT_FOUND');
  if (dead !== undefined) throw dead.failure;
  if (errors.length === 0) throw garbled('a refusal without a reason');
  const other = errors.find(({ at }) => !txn.concernsHolder(at));
  if (other !== undefined) throw other.failure;
  return { kind: 'held' };
}

/** Failures that can follow from a guard that does not hold, or be mended. */
const excusable: ReadonlySet<string> = new Set(['REFUSED_BY_STORE', 'LEASE_NOT_FOUND']);
