import { checkCall, checkInteger } from '../core/checks.js';
import { decodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { openScope, type Scope } from '../core/signals.js';
import type { CallOptions, Entry } from '../core/store.js';
import { CoordinationError, isCoordinationError, printable } from '../errors.js';
import type { ConfigFormat } from './config-format.js';
import type { Layer } from './config-layer.js';
import { checkLeaf } from './config-options.js';
import { type Inspect, inspectSymbol, type Secrets } from './config-secrets.js';
import { type ConfigPath, shared, valueAt } from './config-value.js';

export interface ConfigHistoryOptions extends CallOptions {
  /** At most this many revisions of the key; an integer from 1. Default 20. */
  readonly limit?: number | undefined;
  /**
   * Begin with what there was at this revision of the store: one before a deletion, or one less than that of the last that
   * `limit` has left. Default: with what there is now.
   */
  readonly revision?: bigint | undefined;
}

/** What makes up a {@link ConfigRevision}. */
type RevisionParts = Pick<ConfigRevision, 'path' | 'revision' | 'value' | 'readable'>;

/** What a key said once it was written at one revision, until it was written again. Prints without secrets. */
export class ConfigRevision {
  readonly path: ConfigPath;
  /** The revision of the store at which it was written. */
  readonly revision: bigint;
  /** As the text says it, whatever a schema thinks of it; frozen. Undefined where there is nothing at the path. */
  readonly value: unknown;
  /** False where the text was not in the format: then `value` is undefined. */
  readonly readable: boolean;
  readonly #secrets: Secrets;

  /** @internal */
  constructor({ path, revision, value, readable }: RevisionParts, secrets: Secrets) {
    this.path = path;
    this.revision = revision;
    this.value = value;
    this.readable = readable;
    this.#secrets = secrets;
  }

  toJSON(): object {
    const { revision, readable, value } = this;
    return { revision: String(revision), readable, value: this.#secrets.redact(value, this.path) };
  }

  [inspectSymbol](_depth: number, options: object, inspect: Inspect): string {
    return `ConfigRevision ${inspect(this.toJSON(), options)}`;
  }
}

/** What a key has said over time. Prints without secrets. */
export interface ConfigHistory {
  /** The key in the store whose revisions these are. */
  readonly storeKey: string;
  /** The newest first. Empty where the key was not there. */
  readonly revisions: readonly ConfigRevision[];
  /**
   * Why there are no more. `created`: the last of them made the key; it was not there right before. `absent`: the key was
   * not there to begin with. `limit`: as many as were asked for, and there was one before. `compacted`: there was one before,
   * or could have been, that the store has forgotten.
   */
  readonly end: 'created' | 'absent' | 'limit' | 'compacted';
  /** Whether all is here that was said since the key came to be: `end` is `created`. */
  readonly complete: boolean;
}

/** What an {@link Archive} needs of its cache. */
export interface ArchiveSetup {
  readonly client: ClientContext;
  readonly layer: Layer;
  readonly node: boolean;
  readonly format: ConfigFormat;
  readonly secrets: Secrets;
}

/** How far back one looks who does not say. */
const defaultLimit = 20;

/** Looks up what keys said in the past, as the store remembers it. */
export class Archive {
  readonly #setup: ArchiveSetup;

  constructor(setup: ArchiveSetup) {
    this.#setup = setup;
  }

  async history(path: ConfigPath, options: ConfigHistoryOptions): Promise<ConfigHistory> {
    checkCall(options, 'history', ['limit', 'revision']);
    const { limit = defaultLimit, revision } = options;
    const { client, layer, node } = this.#setup;
    checkInteger(limit, 'limit', 1);
    checkPast(client);
    const storeKey = layer.keyOf(path);
    if (!node) checkLeaf(path, storeKey);
    using scope = openScope(client.clock, options, `the history of "${printable(storeKey)}"`);
    const revisions: ConfigRevision[] = [];
    const ended = (end: ConfigHistory['end']): ConfigHistory => {
      return Object.freeze({ storeKey, revisions: Object.freeze(revisions), end, complete: end === 'created' });
    };
    for (let at = revision; ; ) {
      const entry = await this.#entry(storeKey, at, scope);
      if (entry === 'compacted') return ended('compacted');
      if (entry === undefined) return ended('absent');
      revisions.push(this.#said(path, entry));
      // What made the key came after nothing: there is no need to ask.
      if (entry.modified === entry.created) return ended('created');
      if (revisions.length >= limit) return ended('limit');
      at = entry.modified - 1n;
    }
  }

  async #entry(key: string, revision: bigint | undefined, scope: Scope): Promise<Entry | 'compacted' | undefined> {
    try {
      const call = { signal: scope.signal, ...(revision !== undefined && { revision }) };
      return (await this.#setup.client.store.read({ key }, call)).entries[0];
    } catch (error) {
      if (isCoordinationError(error, 'COMPACTED')) return 'compacted';
      throw error;
    }
  }

  #said(path: ConfigPath, { key, value, modified }: Entry): ConfigRevision {
    const { format, node, secrets } = this.#setup;
    const said = (now: unknown, readable: boolean): ConfigRevision => {
      return new ConfigRevision({ path, revision: modified, value: now, readable }, secrets);
    };
    try {
      const whole = shared(format.parse(decodeText(value), key) ?? null, undefined);
      return said(node ? valueAt(whole, path) : whole, true);
    } catch {
      // Not the cause: it may quote the text.
      return said(undefined, false);
    }
  }
}

/** Refuses what would else be refused halfway. */
function checkPast({ store }: ClientContext): void {
  const { pastReads, name } = store.traits;
  if (pastReads) return;
  throw new CoordinationError('UNSUPPORTED', `${name} keeps no past: a cache has what it saw itself, as recent.`);
}
