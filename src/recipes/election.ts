import { AuditedWatch } from '../core/audited-watch.js';
import { checkCall, checkFunction, checkKnown } from '../core/checks.js';
import { decodeText, encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { diagnostics } from '../core/diagnostics.js';
import { Hold, runHolding } from '../core/hold.js';
import { applyBatch } from '../core/range-view.js';
import { onAbort, openScope } from '../core/signals.js';
import { type CallOptions, type Entry, put } from '../core/store.js';
import { CoordinationError } from '../errors.js';
import { Line } from './line.js';
import { exclusive } from './line-rule.js';
import { type SessionChoice, sessionOptions, sessionSource } from './line-session.js';

export interface ElectionOptions extends SessionChoice {}

/** A leader, or a candidate for it, as the store shows it. */
export interface Candidate {
  /** The ticket's key. */
  readonly leader: string;
  /** What it proclaims: by custom its name or address. */
  readonly value: string;
  /** Its term: the fencing token, greater than that of every earlier leader. */
  readonly token: bigint;
  /** The revision of the store at which this was so. */
  readonly revision: bigint;
}

/** What an observer sees: a leader, or that there is none (`leader` undefined). */
export type Observation = Candidate | { readonly leader: undefined; readonly revision: bigint };

/** A term of office: the {@link Hold} of a leader. */
export class Term extends Hold {
  /**
   * Makes a new value known, only while still the leader. Rejects with the reason of the loss otherwise, and with
   * `UNKNOWN_OUTCOME` where it cannot be told; saying the same again is safe. One round trip.
   */
  async proclaim(value: string, options: CallOptions = {}): Promise<void> {
    checkCall(options, 'proclaim');
    await this.commit([put(this.key, proposal(value), this.session.lease)], options);
  }

  /** Steps down. As {@link Hold.release}: resolves to whether it was still leader until then. One round trip. */
  resign(options: CallOptions = {}): Promise<boolean> {
    return this.release(options);
  }
}

/**
 * Leader election: at most one leads, candidates follow in the order in which they stood. Every term has a token that
 * grows from term to term; the one who lost its term is told before another can have it. See {@link Hold} on fencing.
 *
 * Candidates lie under `<path>/`, in the layout of etcd's Go `concurrency` package: a Go program or `etcdctl elect` can
 * stand and observe in the same election.
 */
export class Election {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #line: Line<Term>;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: ElectionOptions = {}) {
    checkKnown(options, sessionOptions, 'Election');
    this.#line = new Line(client, path, sessionSource(client, options), exclusive, (parts) => new Term(parts));
    this.#client = client;
    this.path = path;
  }

  /**
   * Stands for election and waits to be leader. One round trip when nobody leads. Rejects as {@link Mutex.acquire}; the
   * candidacy is then withdrawn.
   */
  async campaign(value: string, options: CallOptions = {}): Promise<Term> {
    checkCall(options, 'campaign');
    const bytes = proposal(value);
    if (diagnostics.campaign.hasSubscribers) diagnostics.campaign.publish({ path: this.path });
    return this.#line.acquire({ ...options, value: () => bytes });
  }

  /** Who leads now; undefined where nobody does. One round trip. */
  async leader(options: CallOptions = {}): Promise<Candidate | undefined> {
    const query = { prefix: `${this.path}/`, order: 'oldest', limit: 1 } as const;
    const { revision, entries } = await this.#client.store.read(query, options);
    return entries[0] && candidate(entries[0], revision);
  }

  /** Who stands, in order, the leader first. One round trip. */
  async candidates(options: CallOptions = {}): Promise<readonly Candidate[]> {
    const { revision, tickets } = await this.#line.tickets(options);
    return tickets.map((ticket) => candidate(ticket, revision));
  }

  /**
   * Follows the election: first how it stands, then every change of leader or of its value, and vacancies. In order;
   * what changes faster than it is consumed may be left out, the last state never is. Survives lost connections and
   * compaction. Ends by `break`, or rejects with the reason of `signal`, with `TIMEOUT` where the first observation takes
   * longer than `timeoutMs`, with `CLOSED`, or with what the store refuses. One watch for each observer.
   */
  async *observe(options: CallOptions = {}): AsyncGenerator<Observation, void, undefined> {
    checkCall(options, 'observe');
    const standing = new Map<string, Entry>();
    let seen: Entry | undefined | 'nothing yet' = 'nothing yet';
    for await (const batch of new AuditedWatch(this.#client, { prefix: `${this.path}/` }, options)) {
      applyBatch(standing, batch);
      const leader = oldest(standing.values());
      if (seen !== 'nothing yet' && leader?.modified === seen?.modified) continue;
      seen = leader;
      yield leader === undefined ? { leader: undefined, revision: batch.revision } : candidate(leader, batch.revision);
    }
  }

  /**
   * Campaigns, and runs `task` as leader. `signal`, given to the task, aborts when the term is lost or when the signal in
   * `options` aborts; the task should then end. When it ends while still leader, this resigns, and resolves to its
   * result or rejects with its error. When the term was lost under it, this waits for it to end, so that it never runs
   * twice here, and campaigns again. To wait for the end of a term, `await aborted(signal)`. Rejects as {@link Election.campaign}; `timeoutMs` bounds each campaign.
   */
  async lead<T>(
    value: string,
    task: (term: Term, signal: AbortSignal) => Promise<T> | T,
    options: CallOptions = {},
  ): Promise<T> {
    checkFunction(task, 'task');
    for (;;) {
      const term = await this.campaign(value, options);
      const scope = openScope(this.#client.clock, { signal: options.signal }, 'leading');
      const unlink = onAbort(term.signal, scope.abort);
      try {
        return await runHolding(term, () => task(term, scope.signal));
      } catch (error) {
        options.signal?.throwIfAborted();
        // What the release came to: whether it led until its task had ended. One that was refused says no more.
        if (await term.release().catch(() => true)) throw error;
      } finally {
        unlink();
        scope[Symbol.dispose]();
      }
    }
  }
}

function proposal(value: unknown): Uint8Array {
  if (typeof value === 'string') return encodeText(value);
  const sentence = 'The value to stand with must be a string; use JSON for more than a name.';
  throw new CoordinationError('INVALID_VALUE', sentence, { field: 'value' });
}

function candidate(entry: Entry, revision: bigint): Candidate {
  return { leader: entry.key, value: decodeText(entry.value), token: entry.created, revision };
}

function oldest(entries: Iterable<Entry>): Entry | undefined {
  let first: Entry | undefined;
  for (const entry of entries) if (first === undefined || entry.created < first.created) first = entry;
  return first;
}
