import { diagnostics } from '../core/diagnostics.js';
import { SafeEmitter } from '../core/emitter.js';
import type { ConfigRejection } from './config-judge.js';
import type { Reader } from './config-readers.js';
import type { ConfigVersion } from './config-version.js';

/**
 * What is known of a configuration. `fresh`: `current` is what the store holds. `stale`: it was, until `since`, on the wall
 * clock; the store cannot be reached, or has ended the watch with `code`. `invalid`: the store holds something else, which
 * was refused. `closed`: nothing follows any more.
 */
export type ConfigState =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'stale'; readonly since: number; readonly code: string | undefined }
  | { readonly kind: 'invalid'; readonly rejection: ConfigRejection }
  | { readonly kind: 'closed' };

export interface ConfigEvents<T> {
  /** Another value has become current. */
  readonly change: ConfigVersion<T>;
  /** What the store holds was refused; the last good value stays. */
  readonly rejected: ConfigRejection;
  readonly state: ConfigState;
  /** The store's revisions have gone back: it was rebuilt, or restored from a backup. What it holds now counts. */
  readonly reset: { readonly from: bigint; readonly to: bigint };
  /** An outage, a snapshot file that cannot be read or written, or what a listener threw. */
  readonly error: unknown;
}

/** How the first look at the store ended. */
export type First = 'accepted' | { readonly refused: ConfigRejection } | { readonly error: unknown };

/** Tells all who want to hear of a configuration. */
export class Announcer<T> {
  readonly events = new SafeEmitter<ConfigEvents<T>>();
  readonly readers = new Set<Reader<T>>();
  readonly #path: string;
  readonly #recentSize: number;
  readonly #waiters = new Set<() => void>();
  #recent: readonly ConfigVersion<T>[] = [];
  #first: ((first: First) => void) | undefined;

  constructor(path: string, recentSize: number) {
    this.#path = path;
    this.#recentSize = recentSize;
  }

  /** Whether anybody is to be told of changes, and so of what was before them. */
  get isHeard(): boolean {
    return this.readers.size > 0 || this.#recentSize > 0 || this.events.has('change');
  }

  /** The last versions, the newest last. */
  get recent(): readonly ConfigVersion<T>[] {
    return this.#recent;
  }

  /** Calls `told` with how the first look at the store ends, and then each until one is accepted. */
  onFirst(told: (first: First) => void): void {
    this.#first = told;
  }

  /** The first look at the store has ended, or another that counts as the first, since none was accepted yet. */
  first(first: First): void {
    this.#first?.(first);
    if (first === 'accepted') this.#first = undefined;
  }

  /** Calls `run` whenever something was decided. */
  onDecided(run: () => void): () => void {
    this.#waiters.add(run);
    return () => this.#waiters.delete(run);
  }

  decided(): void {
    for (const run of [...this.#waiters]) run();
  }

  changed(version: ConfigVersion<T>): void {
    if (this.#recentSize > 0) this.#recent = Object.freeze([...this.#recent, version].slice(-this.#recentSize));
    this.events.emitSafe('change', version);
    for (const reader of [...this.readers]) this.events.guard(() => reader.tell(version));
  }

  publish(revision: bigint, changedKeys: number): void {
    if (diagnostics.config.hasSubscribers) diagnostics.config.publish({ path: this.#path, revision, changedKeys });
  }

  refused(rejection: ConfigRejection): void {
    const { revision, issues } = rejection;
    this.events.emitSafe('rejected', rejection);
    if (!diagnostics.rejection.hasSubscribers) return;
    const key = issues[0]?.key ?? '';
    diagnostics.rejection.publish({ path: this.#path, revision, key, issues: issues.length });
  }

  /** Nothing follows. */
  end(): void {
    for (const reader of [...this.readers]) reader.end();
    this.readers.clear();
    this.decided();
  }
}
