import { closedError } from '../core/checks.js';
import type { Cancel } from '../core/clock.js';
import type { ClientContext } from '../core/context.js';
import { isCoordinationError } from '../errors.js';
import { Announcer, type ConfigState, type First } from './config-announcer.js';
import { type Fed, Feed } from './config-feed.js';
import { type FileContent, SnapshotFile } from './config-file.js';
import type { Format } from './config-format.js';
import { Freshness } from './config-freshness.js';
import {
  type ConfigIssue,
  type ConfigRejection,
  invalidConfig,
  Judge,
  keyIssue,
  settled,
  type Verdict,
} from './config-judge.js';
import type { Plan } from './config-options.js';
import { Secrets } from './config-secrets.js';
import { Stack } from './config-stack.js';
import { type ConfigPath, equal, shared, valueAt } from './config-value.js';
import { type ConfigSource, ConfigVersion } from './config-version.js';

/** A state of the store's layers that may become current. */
interface Candidate {
  readonly revision: bigint;
  readonly raw: unknown;
  /** What the paths of the store said; undefined for what they say now, while nobody has asked for the value. */
  readonly stored: readonly unknown[] | undefined;
  readonly size: number;
  readonly source: ConfigSource;
}

/** A burst that goes on is told of after this many times `debounceMs`. */
const longestBurst = 10;

/** Keeps the current value: follows the store, has what it says judged, and tells those who read. */
export class Keeper<T> {
  readonly announcer: Announcer<T>;
  readonly secrets: Secrets;
  readonly stack: Stack;
  readonly file: SnapshotFile | undefined;
  readonly #plan: Plan<T>;
  readonly #client: ClientContext;
  readonly #feed: Feed;
  readonly #freshness: Freshness;
  readonly #judge: Judge;
  #told: ((first: First) => void) | undefined;
  #accepted: Candidate | undefined;
  #value: unknown;
  /** The value is what the stack says, and was not asked for yet. */
  #lazy = false;
  #state: ConfigState = Object.freeze({ kind: 'stale', since: 0, code: undefined });
  #rejection: ConfigRejection | undefined;
  #refused: unknown;
  #staleCode: string | undefined;
  #heard = -1n;
  #wentBack = false;
  /** Another cluster may say something else at the same revision. */
  #distrusts = false;
  #undecided = false;
  #emptyIsFine = false;
  #changedKeys = 0;
  #burst: { readonly sinceMs: number; readonly cancel: Cancel } | undefined;
  #closing: Promise<void> | undefined;

  constructor(client: ClientContext, plan: Plan<T>, format: Format) {
    const { strata, shape, path, snapshotFile, staleAfterMs } = plan;
    this.#client = client;
    this.#plan = plan;
    this.announcer = new Announcer(path, plan.recentSize);
    this.secrets = new Secrets(plan.secrets);
    this.stack = new Stack(strata, format, shape === 'node');
    this.#judge = new Judge(plan.schema, this.secrets);
    if (plan.onError !== undefined) this.announcer.events.on('error', plan.onError);
    const ranges = this.stack.layers.map(({ range }) => range);
    this.#feed = new Feed(client, ranges, {
      fed: (fed) => this.#fed(fed),
      failed: (error) => this.#lost(error, true),
      closed: () => void this.close(),
    });
    const query = shape === 'node' ? { key: path } : { prefix: `${path}/`, limit: 1 };
    this.#freshness = new Freshness(client, query, staleAfterMs, {
      stale: (error) => this.#lost(error, false),
      answers: () => this.#feed.start(),
    });
    if (snapshotFile === undefined) return;
    const subject = { paths: this.stack.layers.map((layer) => layer.path), shape };
    this.file = new SnapshotFile(snapshotFile, subject, client, (error) =>
      this.announcer.events.emitSafe('error', error),
    );
  }

  /** Frozen. The same for as long as nothing has changed. */
  get value(): T {
    if (this.#lazy && this.#accepted !== undefined) {
      const { stack } = this;
      this.#value = stack.merged();
      this.#accepted = { ...this.#accepted, raw: this.#value, stored: stack.stored };
      this.#lazy = false;
    }
    // What the schema made, or, without one, what whoever named the type vouched for.
    return this.#value as T;
  }

  get accepted(): Candidate | undefined {
    return this.#accepted;
  }

  /** What lies at a path of the value. Does not make the whole where it is not there yet. */
  at(path: ConfigPath): unknown {
    return this.#lazy ? this.stack.at(path) : valueAt(this.value, path);
  }

  /** The revision that the store has shown last, accepted or not. */
  get seen(): bigint {
    return this.#heard;
  }

  get state(): ConfigState {
    return this.#state;
  }

  get staleSince(): number | undefined {
    return this.#state.kind === 'stale' ? this.#state.since : undefined;
  }

  get rejection(): ConfigRejection | undefined {
    return this.#rejection;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** The current version, as the first that somebody sees. */
  version(): ConfigVersion<T> {
    const { revision, source } = this.#accepted ?? { revision: 0n, source: 'defaults' };
    return new ConfigVersion({ revision, source, value: this.value, previous: this.value, reset: false }, this.secrets);
  }

  /** Follows the store. `told` hears how the first look at it ends, and then each until one is accepted. */
  start(told: (first: First) => void): void {
    this.#told = told;
    this.#feed.start();
  }

  /** Looks at all that the store holds, anew. */
  refresh(): void {
    this.#feed.start();
  }

  /** An empty store is taken at its word: there is nothing from before. */
  acceptEmpty(): void {
    this.#emptyIsFine = true;
    this.#flush();
  }

  /** Puts in place what does not come from the store, if nothing has by now. */
  async adopt(content: FileContent | undefined): Promise<boolean> {
    const stored = this.stack.layers.map((_, n) => shared(content?.layers[n], undefined));
    const raw = this.stack.merged(stored);
    const verdict = await new Promise<Verdict>((decide) =>
      new Judge(this.#plan.schema, this.secrets).submit(raw, decide),
    );
    if (this.#accepted !== undefined || this.closed) return true;
    const settledOne = settled(verdict, undefined, raw);
    if ('issues' in settledOne) {
      const why =
        content === undefined ? 'the object layers alone are not enough' : 'what the snapshot file holds is not';
      this.announcer.events.emitSafe('error', invalidConfig(this.#plan.path, why, settledOne.issues));
      return false;
    }
    if (this.stack.size === 0) for (const [n, layer] of this.stack.layers.entries()) layer.seed(stored[n]);
    const source = content === undefined ? 'defaults' : 'snapshot';
    if (this.#heard === -1n) this.#freshness.lost(content?.savedMs);
    const size = content === undefined ? 0 : 1;
    // What the store says stays refused.
    this.#accept({ revision: content?.revision ?? 0n, raw, stored, size, source }, settledOne.value, this.#rejection);
    return true;
  }

  /** Ends everything. What is current stays readable. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#feed.stop();
    this.#freshness.stop();
    this.#burst?.cancel();
    void this.value;
    // Before anybody is told: nothing may be told after.
    await Promise.resolve();
    this.#update();
    this.#told?.({ error: closedError('configuration') });
    this.announcer.end();
    await this.file?.close();
  }

  #fed(fed: Fed): void {
    if (this.closed) return;
    const back = fed.revision < this.#heard;
    if (back) this.announcer.events.emitSafe('reset', { from: this.#heard, to: fed.revision });
    this.#wentBack ||= back;
    this.#heard = fed.revision;
    this.#staleCode = undefined;
    this.#freshness.heard(fed.whole);
    if (this.#mayStay(fed)) void this.value;
    const changed = this.stack.apply(fed, back || this.#distrusts);
    if (fed.whole) this.#distrusts = false;
    this.#changedKeys += changed;
    if (changed > 0 && this.#plan.debounceMs > 0 && this.#accepted?.source === 'store') this.#debounce();
    else if (this.#burst === undefined) this.#flush();
    this.#update();
  }

  /** Whether the value from before may be asked for once these batches are in the stack, so that it has to be made now. */
  #mayStay({ batches, whole }: Fed): boolean {
    const { schema, debounceMs, format, shape } = this.#plan;
    if (schema !== undefined || debounceMs > 0 || shape === 'node' || this.#isHeard) return true;
    if (whole || (format !== 'json' && format !== 'text')) return true;
    const deletes = batches.reduce((sum, batch) => sum + (batch?.kind === 'changes' ? batch.deletes.length : 0), 0);
    return deletes >= this.stack.size;
  }

  #debounce(): void {
    const { clock } = this.#client;
    const { debounceMs } = this.#plan;
    const sinceMs = this.#burst?.sinceMs ?? clock.now();
    this.#burst?.cancel();
    const leftMs = Math.min(debounceMs, sinceMs + longestBurst * debounceMs - clock.now());
    this.#burst = { sinceMs, cancel: clock.after(leftMs, () => this.#flush()) };
  }

  get #isHeard(): boolean {
    return this.announcer.isHeard || this.file !== undefined;
  }

  /** What the stack says now is to become current, if it may. */
  #flush(): void {
    this.#burst?.cancel();
    this.#burst = undefined;
    if (this.closed) return;
    const { stack } = this;
    const { size } = stack;
    const kept = this.#accepted === undefined ? this.file !== undefined && !this.#emptyIsFine : this.#accepted.size > 0;
    if (size === 0 && this.#plan.keepsOnEmpty && kept) {
      this.#refuse('empty', [], this.#heard);
      return;
    }
    const { unreadable } = stack;
    if (unreadable !== undefined) {
      const path = stack.layers.find((layer) => layer.leaf(unreadable) !== undefined)?.pathOf(unreadable);
      this.#refuse(
        'unreadable',
        [keyIssue(path ?? [], 'it cannot be read in the format of the configuration')],
        this.#heard,
      );
      return;
    }
    const source: ConfigSource = size === 0 ? 'defaults' : 'store';
    if (this.#plan.schema === undefined && this.#accepted?.source === 'store' && !this.#isHeard) {
      this.#acceptLazily({ revision: this.#heard, size, source });
      return;
    }
    const candidate = { revision: this.#heard, raw: stack.merged(), stored: stack.stored, size, source };
    if (this.#isKnown(candidate)) return;
    this.#undecided = true;
    this.#judge.submit(candidate.raw, (verdict) => this.#decide(candidate, verdict));
  }

  /** Nothing but the revision is new: what was decided about it stands. */
  #isKnown(candidate: Candidate): boolean {
    const last = this.#accepted;
    if (this.#rejection?.reason === 'schema' && Object.is(this.#refused, candidate.raw)) {
      this.#overtake();
      this.#rejection = Object.freeze({ ...this.#rejection, revision: candidate.revision });
      this.announcer.decided();
      return true;
    }
    if (last === undefined || last.source !== candidate.source || !Object.is(last.raw, candidate.raw)) return false;
    this.#overtake();
    this.#accept(candidate, this.value);
    return true;
  }

  /** What is being judged does not count any more. */
  #overtake(): void {
    this.#judge.overtake();
    this.#undecided = false;
  }

  #decide(candidate: Candidate, verdict: Verdict): void {
    if (this.closed) return;
    this.#undecided = this.#judge.busy;
    const settledOne = settled(verdict, this.value, candidate.raw);
    if ('issues' in settledOne) {
      this.#refused = candidate.raw;
      this.#refuse('schema', settledOne.issues, candidate.revision);
    } else {
      this.#accept(candidate, settledOne.value);
    }
  }

  #refuse(reason: ConfigRejection['reason'], issues: readonly ConfigIssue[], revision: bigint): void {
    if (reason !== 'schema') this.#overtake();
    const last = this.#rejection;
    if (last?.reason !== reason || last.revision !== revision) {
      const rejection = Object.freeze({ reason, revision, issues, atMs: Math.round(this.#client.clock.wall()) });
      this.#rejection = rejection;
      this.#update();
      this.announcer.refused(rejection);
    }
    const rejection = this.#rejection;
    if (this.#accepted === undefined && rejection !== undefined) this.#told?.({ refused: rejection });
    this.announcer.decided();
  }

  /** As accept, where nobody is to be told: the value is made when it is asked for. */
  #acceptLazily({ revision, size, source }: Omit<Candidate, 'raw' | 'stored'>): void {
    this.#lazy = true;
    this.#rejection = undefined;
    this.#accepted = { revision, size, source, raw: undefined, stored: undefined };
    this.#publish(revision);
    this.announcer.decided();
  }

  #accept(candidate: Candidate, value: unknown, standing?: ConfigRejection): void {
    const before = this.#accepted;
    const previous = this.value;
    const same =
      before !== undefined && (Object.is(previous, value) || (before.source !== 'store' && equal(previous, value)));
    this.#accepted = candidate;
    this.#value = same && before?.source === 'store' ? previous : value;
    this.#rejection = standing;
    if (standing === undefined) this.#refused = undefined;
    this.#save(candidate, before);
    this.#update();
    if (!same) this.#tell(candidate, before === undefined ? value : previous, value);
    this.#told?.('accepted');
    this.#told = undefined;
    this.announcer.decided();
  }

  #tell({ revision, source }: Candidate, previous: unknown, value: unknown): void {
    // As in the getter of the value.
    const parts = { revision, source, value: value as T, previous: previous as T, reset: this.#wentBack };
    const version = new ConfigVersion(parts, this.secrets);
    this.#wentBack = false;
    this.#publish(revision);
    this.announcer.changed(version);
  }

  #publish(revision: bigint): void {
    this.announcer.publish(revision, this.#changedKeys);
    this.#changedKeys = 0;
  }

  #save({ revision, stored, size, source }: Candidate, before: Candidate | undefined): void {
    if (this.file === undefined || stored === undefined || source === 'snapshot') return;
    if (size === 0 && this.#plan.keepsOnEmpty) return;
    const known = before?.source === 'store' && stored.every((value, n) => Object.is(value, before.stored?.[n]));
    if (known) return;
    this.file.save(() => ({ revision, layers: stored, savedMs: Math.round(this.#client.clock.wall()) }));
  }

  #lost(error: unknown, ended: boolean): void {
    if (this.closed) return;
    const code = isCoordinationError(error) ? error.code : undefined;
    const news = this.#state.kind !== 'stale' || code !== this.#staleCode;
    this.#staleCode = code;
    this.#distrusts ||= code === 'CLUSTER_CHANGED' || code === 'REVISION_REGRESSED';
    this.#freshness.lost();
    this.#update();
    if (news) this.announcer.events.emitSafe('error', error);
    if (ended && this.#accepted === undefined) this.#told?.({ error });
  }

  /** The one place where the state changes. */
  #update(): void {
    const [was, is] = [this.#state, this.#stateNow()];
    // What is not judged yet does not make anything fresh.
    if (is.kind === 'fresh' && this.#undecided) return;
    const same = was.kind === is.kind && (is.kind !== 'stale' || (was.kind === 'stale' && was.code === is.code));
    if (same && (is.kind !== 'invalid' || (was.kind === 'invalid' && was.rejection === is.rejection))) return;
    this.#state = Object.freeze(is);
    this.announcer.events.emitSafe('state', is);
  }

  #stateNow(): ConfigState {
    if (this.closed) return { kind: 'closed' };
    const since = this.#freshness.staleSince;
    if (since !== undefined) return { kind: 'stale', since, code: this.#staleCode };
    if (this.#rejection !== undefined) return { kind: 'invalid', rejection: this.#rejection };
    return { kind: 'fresh' };
  }
}
