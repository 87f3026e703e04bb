import type { Clock } from '../core/clock.js';
import type { Announcer } from './config-announcer.js';
import type { Fed } from './config-feed.js';
import type { SnapshotFile } from './config-file.js';
import type { ConfigRejection } from './config-judge.js';
import type { Plan } from './config-options.js';
import type { Secrets } from './config-secrets.js';
import type { Stack } from './config-stack.js';
import type { Standing } from './config-standing.js';
import { type ConfigPath, equal, valueAt } from './config-value.js';
import { type ConfigSource, ConfigVersion } from './config-version.js';

/** A state of the store's layers that may become current. */
export interface Candidate {
  readonly revision: bigint;
  readonly raw: unknown;
  /** What the paths of the store said; undefined for what they say now, while nobody has asked for the value. */
  readonly stored: readonly unknown[] | undefined;
  readonly size: number;
  readonly source: ConfigSource;
}

/** What a {@link Current} needs of its cache. */
export interface CurrentSetup<T> {
  readonly clock: Clock;
  readonly plan: Plan<T>;
  readonly stack: Stack;
  readonly secrets: Secrets;
  readonly announcer: Announcer<T>;
  readonly standing: Standing<T>;
  readonly file: SnapshotFile | undefined;
}

/** Holds the value that was accepted last, made when it is asked for where nobody is to be told; tells and saves it. */
export class Current<T> {
  readonly #setup: CurrentSetup<T>;
  #accepted: Candidate | undefined;
  #value: unknown;
  /** The value is what the stack says, and was not asked for yet. */
  #lazy = false;
  /** What the next version is to tell of. */
  #wentBack = false;
  #changedKeys = 0;

  constructor(setup: CurrentSetup<T>) {
    this.#setup = setup;
  }

  /** Frozen. The same for as long as nothing has changed. */
  get value(): T {
    if (this.#lazy && this.#accepted !== undefined) {
      const { stack } = this.#setup;
      this.#value = stack.merged();
      this.#accepted = { ...this.#accepted, raw: this.#value, stored: stack.stored };
      this.#lazy = false;
    }
    // What the schema made, or, without one, what whoever named the type vouched for.
    return this.#value as T;
  }

  /** What the value was made of; undefined where there is none yet. */
  get accepted(): Candidate | undefined {
    return this.#accepted;
  }

  /** Whether anybody is to be told of what becomes current, so that it has to be made at once. */
  get isHeard(): boolean {
    return this.#setup.announcer.isHeard || this.#setup.file !== undefined;
  }

  /** What lies at a path of the value. Does not make the whole where it is not there yet. */
  at(path: ConfigPath): unknown {
    return this.#lazy ? this.#setup.stack.at(path) : valueAt(this.value, path);
  }

  /** The current version, as the first that somebody sees. */
  version(): ConfigVersion<T> {
    const { revision, source } = this.#accepted ?? { revision: 0n, source: 'defaults' };
    const parts = { revision, source, value: this.value, previous: this.value, reset: false };
    return new ConfigVersion(parts, this.#setup.secrets);
  }

  /** Makes the value now if it may still be asked for once the stack says something else. */
  makeBefore(fed: Fed): void {
    if (this.#mayStay(fed)) void this.value;
  }

  /** The stack says something else: `back`, because the store's revisions went back. Told with the next version. */
  moved(changedKeys: number, back: boolean): void {
    this.#changedKeys += changedKeys;
    this.#wentBack ||= back;
  }

  /** Puts a value in place, and tells those who hear of it. `rejection`: what the store says now stays refused. */
  accept(candidate: Candidate, value: unknown, rejection?: ConfigRejection): void {
    const { standing, announcer } = this.#setup;
    const before = this.#accepted;
    const previous = this.value;
    const same =
      before !== undefined && (Object.is(previous, value) || (before.source !== 'store' && equal(previous, value)));
    this.#accepted = candidate;
    this.#value = same && before?.source === 'store' ? previous : value;
    standing.judged(rejection);
    this.#save(candidate, before);
    standing.update();
    if (!same) this.#tell(candidate, before === undefined ? value : previous, value);
    announcer.first('accepted');
    announcer.decided();
  }

  /** As accept, where nobody is to be told: the value is made when it is asked for. */
  acceptLazily({ revision, size, source }: Omit<Candidate, 'raw' | 'stored'>): void {
    this.#lazy = true;
    this.#setup.standing.judged(undefined);
    this.#accepted = { revision, size, source, raw: undefined, stored: undefined };
    this.#publish(revision);
    this.#setup.announcer.decided();
  }

  /** Whether the value from before may be asked for once these batches are in the stack, so that it has to be made now. */
  #mayStay({ batches, whole }: Fed): boolean {
    const { schema, debounceMs, format, shape } = this.#setup.plan;
    if (schema !== undefined || debounceMs > 0 || shape === 'node' || this.isHeard) return true;
    if (whole || (format !== 'json' && format !== 'text')) return true;
    const deletes = batches.reduce((sum, batch) => sum + (batch?.kind === 'changes' ? batch.deletes.length : 0), 0);
    return deletes >= this.#setup.stack.size;
  }

  #tell({ revision, source }: Candidate, previous: unknown, value: unknown): void {
    // As in the getter of the value.
    const parts = { revision, source, value: value as T, previous: previous as T, reset: this.#wentBack };
    const version = new ConfigVersion(parts, this.#setup.secrets);
    this.#wentBack = false;
    this.#publish(revision);
    this.#setup.announcer.changed(version);
  }

  #publish(revision: bigint): void {
    this.#setup.announcer.publish(revision, this.#changedKeys);
    this.#changedKeys = 0;
  }

  #save({ revision, stored, size, source }: Candidate, before: Candidate | undefined): void {
    const { file, plan, clock } = this.#setup;
    if (file === undefined || stored === undefined || source === 'snapshot') return;
    if (size === 0 && plan.keepsOnEmpty) return;
    const known = before?.source === 'store' && stored.every((value, n) => Object.is(value, before.stored?.[n]));
    if (known) return;
    file.save(() => ({ revision, layers: stored, savedMs: Math.round(clock.wall()) }));
  }
}
