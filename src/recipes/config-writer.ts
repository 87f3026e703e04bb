import { checkCall } from '../core/checks.js';
import { decodeText, encodeText } from '../core/codec.js';
import { commitOnce } from '../core/commit-once.js';
import type { ClientContext } from '../core/context.js';
import { openScope, type Scope } from '../core/signals.js';
import type { StandardSchema } from '../core/standard-schema.js';
import { absent, type CallOptions, type Entry, type Op, put, remove, unchanged } from '../core/store.js';
import { CoordinationError, isCoordinationError, printable } from '../errors.js';
import type { Format } from './config-format.js';
import { invalidConfig, judge } from './config-judge.js';
import type { Layer } from './config-layer.js';
import { checkLeaf } from './config-options.js';
import type { Secrets } from './config-secrets.js';
import { type ConfigPath, equal, valueAt, withAt, withoutAt } from './config-value.js';

export interface ConfigWriteOptions extends CallOptions {
  /** Write only if the key in the store was last written at this revision, as `explain` tells it; 0n: only if it is not there. */
  readonly ifRevision?: bigint | undefined;
  /** Write only if the store says this now, in the layer of the cache's path; undefined: nothing. */
  readonly compare?: unknown;
}

/** What a {@link Writer} needs of its cache. */
export interface WriterSetup {
  readonly client: ClientContext;
  readonly layer: Layer;
  readonly node: boolean;
  readonly format: Format;
  readonly schema: StandardSchema | undefined;
  readonly secrets: Secrets;
  /** The whole configuration with another value of this layer. */
  readonly merged: (value: unknown) => unknown;
}

/** What is to be written: the text of the key, undefined to delete it, and what the layer says with it. */
interface Change {
  readonly text: string | undefined;
  readonly value: unknown;
}

/** One write under way. */
interface Attempt {
  readonly path: ConfigPath;
  readonly value: unknown;
  readonly key: string;
  readonly options: ConfigWriteOptions;
  readonly scope: Scope;
  /** In this session's life no other commit creates it: it tells that this write was applied, where no answer did. */
  readonly witness: Op & { readonly kind: 'put' };
}

interface Attempted {
  readonly kind: 'done' | 'refused';
  /** Whether the witness may stand in the store. */
  readonly sent: boolean;
  /** Whether something of it may still be on its way. */
  readonly late: boolean;
  readonly revision?: bigint;
}

/** Changes a configuration in the store. Every write compares the entry with the one it was made of. */
export class Writer {
  readonly #setup: WriterSetup;

  constructor(setup: WriterSetup) {
    this.#setup = setup;
  }

  /** Resolves to the revision of the commit; undefined where there was nothing to delete. */
  async write(path: ConfigPath, value: unknown, options: ConfigWriteOptions): Promise<bigint | undefined> {
    checkCall(options, value === undefined ? 'delete' : 'set', ['ifRevision', 'compare']);
    const { client, layer } = this.#setup;
    const key = layer.keyOf(path);
    checkWrite(path, key, options, this.#setup.node);
    using scope = openScope(client.clock, options, `writing "${printable(key)}"`);
    const session = await client.session({ signal: scope.signal });
    const ticket = session.names.takeTicket(`${layer.path}.writes`);
    const attempt = { path, value, key, options, scope, witness: witnessOf(ticket, session.lease) };
    for (let late = false; ; ) {
      const outcome = await this.#attempt(attempt).catch((error: unknown) => Promise.reject(sessionEnded(key, error)));
      late ||= outcome.late;
      if (outcome.kind === 'refused' && !isConditional(options)) continue;
      if (!late && outcome.sent) await client.store.commit([], [remove(ticket)], { timeoutMs: 1_000 }).catch(() => {});
      if (outcome.kind === 'refused') throw conflict(key);
      return outcome.revision;
    }
  }

  /** One look at the entry, and one commit on it. */
  async #attempt(attempt: Attempt): Promise<Attempted> {
    const { client } = this.#setup;
    const { key, scope, witness, options } = attempt;
    const { entries } = await client.store.read({ key }, { signal: scope.signal });
    const entry = entries[0];
    checkCondition(attempt, entry, this.#said(attempt, entry));
    const change = this.#change(attempt, entry);
    if (change === undefined) return { kind: 'done', sent: false, late: false };
    await this.#check(change.value);
    const guards = [entry === undefined ? absent(key) : unchanged(key, entry.modified)];
    const write = change.text === undefined ? remove(key) : put(key, encodeText(change.text));
    const outcome = await commitOnce(client, scope, { guards, ops: [write, witness], witness: witness.key });
    const { late } = outcome;
    if (outcome.kind === 'applied') return { kind: 'done', sent: true, late, revision: outcome.commit.revision };
    if (outcome.kind === 'found') return { kind: 'done', sent: true, late: true, revision: outcome.witness.created };
    if (!late || !isConditional(options)) return { kind: 'refused', sent: false, late };
    // The one whose answer was lost may still be on its way: once its witness stands, it cannot be applied any more.
    const last = await commitOnce(client, scope, { guards: [], ops: [witness], witness: witness.key });
    if (last.kind !== 'found') return { kind: 'refused', sent: true, late: true };
    return { kind: 'done', sent: true, late: true, revision: last.witness.created };
  }

  /** What this layer says at the path, in the store as it is now. */
  #said({ path, key }: Attempt, entry: Entry | undefined): unknown {
    if (entry === undefined) return undefined;
    const { format, node, layer } = this.#setup;
    try {
      const value = format.parse(decodeText(entry.value), key);
      return node ? valueAt(value, path) : value;
    } catch {
      if (!node || path.length === 0) return undefined;
      throw invalidConfig(layer.path, 'what is there cannot be read, so only the whole can be written', []);
    }
  }

  /** Undefined where there is nothing to do. */
  #change(attempt: Attempt, entry: Entry | undefined): Change | undefined {
    const { path, value, key } = attempt;
    const { format, node, layer } = this.#setup;
    if (value === undefined && (entry === undefined || this.#said(attempt, entry) === undefined)) return undefined;
    const inside = node && path.length > 0;
    if (value === undefined && !inside) return { text: undefined, value: node ? undefined : this.#without(path) };
    if (!node && layer.hasBelow(key)) {
      const sentence = `There are keys below "${printable(key)}", which would win over it: write those.`;
      throw new CoordinationError('INVALID_KEY', sentence, { key, field: 'key', problem: 'has-keys-below' });
    }
    try {
      const old = inside && entry !== undefined ? decodeText(entry.value) : undefined;
      const text =
        old === undefined
          ? format.print(node ? withAt({}, path, value) : value, key)
          : format.edit(old, path, value, key);
      const said = format.parse(text, key);
      return { text, value: node ? said : withAt(layer.value, path, said) };
    } catch (cause) {
      const sentence = `The value for "${printable(key)}" cannot be written in the format of the configuration.`;
      // Not the cause: it may quote the value.
      const problem = cause instanceof RangeError ? 'too-deep' : 'not-printable';
      throw new CoordinationError('INVALID_VALUE', sentence, { key, field: 'value', problem });
    }
  }

  #without(path: ConfigPath): unknown {
    const { layer } = this.#setup;
    return layer.hasBelow(layer.keyOf(path)) ? layer.value : withoutAt(layer.value, path);
  }

  /** Rejects where the configuration would not be valid with this. */
  async #check(value: unknown): Promise<void> {
    const { merged, schema, secrets, layer } = this.#setup;
    const verdict = await judge(schema, merged(value), secrets);
    if ('issues' in verdict) throw invalidConfig(layer.path, 'the schema does not accept it', verdict.issues);
  }
}

function witnessOf(key: string, lease: string): Op & { readonly kind: 'put' } {
  return { kind: 'put', key, value: encodeText(''), lease };
}

function isConditional(options: ConfigWriteOptions): boolean {
  return options.ifRevision !== undefined || 'compare' in options;
}

function checkWrite(path: ConfigPath, key: string, { ifRevision }: ConfigWriteOptions, node: boolean): void {
  if (!node) checkLeaf(path, key);
  if (ifRevision === undefined || (typeof ifRevision === 'bigint' && ifRevision >= 0n)) return;
  throw new CoordinationError('INVALID_OPTION', 'ifRevision must be a bigint from 0n.', { field: 'ifRevision' });
}

function checkCondition({ key, options }: Attempt, entry: Entry | undefined, said: unknown): void {
  const { ifRevision } = options;
  if (ifRevision !== undefined && (entry?.modified ?? 0n) !== ifRevision) throw conflict(key);
  if ('compare' in options && !equal(said, options.compare)) throw conflict(key);
}

/** With the session goes the witness: whether an attempt whose answer was lost had been applied cannot be told any more. */
function sessionEnded(key: string, cause: unknown): unknown {
  if (!isCoordinationError(cause, 'LEASE_NOT_FOUND')) return cause;
  const sentence = `The session ended while "${printable(key)}" was being written: it cannot be told whether it was.`;
  return new CoordinationError('UNKNOWN_OUTCOME', sentence, { key, cause });
}

function conflict(key: string): CoordinationError {
  const sentence = `"${printable(key)}" has changed since: look at it again, and decide anew.`;
  return new CoordinationError('CONFLICT', sentence, { key });
}
