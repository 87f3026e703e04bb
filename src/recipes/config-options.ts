import {
  checkFunction,
  checkInteger,
  checkKnown,
  checkOptions,
  checkText,
  checkTimeout,
  checkWord,
  invalidOption,
} from '../core/checks.js';
import { checkPath } from '../core/keys.js';
import type { StandardSchema } from '../core/standard-schema.js';
import type { CallOptions } from '../core/store.js';
import { checkTyping } from '../core/typed.js';
import { CoordinationError, printable } from '../errors.js';
import { type ConfigFormat, checkFormat } from './config-format.js';
import { checkSecrets } from './config-secrets.js';
import { type ConfigPath, isPlain, shared } from './config-value.js';

/** A path in the store, or values of the program's own: defaults, or what the environment overrides. */
export type ConfigLayer = string | object;

export interface ConfigOptions<T> extends CallOptions {
  /**
   * What a configuration has to be, as any Standard Schema (zod, valibot, arktype, ...), sync or async. Nothing becomes
   * current that it does not accept, and what it makes of a value is what becomes current. Default: everything is accepted.
   */
  readonly schema?: StandardSchema<T> | undefined;
  /**
   * What a configuration is made of, the weakest first. Must have the path of the cache among its paths. Objects merge,
   * name by name; everything else, arrays and null too, takes the place of what is weaker. Default: the path alone.
   */
  readonly layers?: readonly ConfigLayer[] | undefined;
  /** `tree`: each key below `<path>/` is a leaf. `node`: the key `<path>` is one document. Default `tree`. */
  readonly shape?: 'tree' | 'node' | undefined;
  /**
   * How the text of a key is read. Default `json`: a leaf of a tree is JSON where it is some, else text; a document has to
   * be JSON. `yaml` needs the package `yaml`. `text`: as it is. Or functions of your own.
   */
  readonly format?: 'json' | 'yaml' | 'text' | ConfigFormat | undefined;
  /**
   * Changes less than this apart are one change, in milliseconds; one that goes on is told of after ten times as long.
   * Default 0: each commit is told of at once.
   */
  readonly debounceMs?: number | undefined;
  /** A file that keeps the last good configuration, for a start while the store cannot be reached. Default: none. */
  readonly snapshotFile?: string | undefined;
  /**
   * What an empty store means. `keep`: that somebody has deleted everything by accident; the last good value stays, and
   * the state is `invalid`. `accept`: what it says. Default `keep`. At a first start nothing is what there is.
   */
  readonly onEmpty?: 'keep' | 'accept' | undefined;
  /** Keys that no print may show, as `db.password` or `*.token`; all below them too. Default: none. */
  readonly secrets?: readonly string[] | undefined;
  /** After so long without a word of the store the state is `stale`, in milliseconds, from 10. Default 30,000. */
  readonly staleAfterMs?: number | undefined;
  /** How many versions `recent` has, the current one included. Default 0: none are kept. */
  readonly recentSize?: number | undefined;
  /** Told of errors from the very start, when nobody can have subscribed to `events` yet. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Ends `open`, not what was opened. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long `open` waits for the store, in milliseconds, before it turns to the snapshot file or the object layers, or
   * rejects. Default 5,000.
   */
  readonly timeoutMs?: number | undefined;
}

/** One layer, checked: a path, or a frozen object. */
export type Stratum = { readonly path: string } | { readonly value: unknown };

/** The options, checked, with their defaults. */
export interface Plan<T> {
  readonly path: string;
  readonly schema: StandardSchema<T> | undefined;
  readonly strata: readonly Stratum[];
  readonly shape: 'tree' | 'node';
  readonly format: 'json' | 'yaml' | 'text' | ConfigFormat;
  readonly debounceMs: number;
  readonly snapshotFile: string | undefined;
  readonly keepsOnEmpty: boolean;
  readonly secrets: readonly string[];
  readonly staleAfterMs: number;
  readonly recentSize: number;
  readonly onError: ((error: unknown) => void) | undefined;
  readonly call: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number };
}

const names = [
  ...['schema', 'layers', 'shape', 'format', 'debounceMs', 'snapshotFile', 'onEmpty', 'secrets', 'staleAfterMs'],
  ...['recentSize', 'onError', 'signal', 'timeoutMs'],
];

function checkTimes({ debounceMs, staleAfterMs, recentSize }: ConfigOptions<unknown>): void {
  if (debounceMs !== 0) checkTimeout(debounceMs, 'debounceMs');
  checkTimeout(staleAfterMs, 'staleAfterMs');
  if (staleAfterMs !== undefined && staleAfterMs < 10)
    throw invalidOption('staleAfterMs', 'staleAfterMs must be at least 10.');
  if (recentSize !== undefined) checkInteger(recentSize, 'recentSize', 0);
}

function checkRest({ schema, snapshotFile, onError, ...rest }: ConfigOptions<unknown>): void {
  checkWord(rest.shape, 'shape', ['tree', 'node']);
  checkWord(rest.onEmpty, 'onEmpty', ['keep', 'accept']);
  checkFormat(rest.format);
  checkSecrets(rest.secrets);
  checkTimes(rest);
  checkTyping(undefined, schema);
  checkText(snapshotFile, 'snapshotFile', 'the name of a file');
  if (onError !== undefined) checkFunction(onError, 'onError');
}

function strataOf(path: string, layers: unknown): readonly Stratum[] {
  if (!Array.isArray(layers)) throw invalidOption('layers', 'layers must be a list of paths and objects.');
  const strata = layers.map((layer: unknown): Stratum => {
    if (typeof layer !== 'string') {
      if (!isPlain(layer)) throw invalidOption('layers', 'A layer is a path, or a plain object.');
      return { value: shared(layer, undefined) };
    }
    checkPath(layer);
    return { path: layer };
  });
  const paths = strata.flatMap((stratum) => ('path' in stratum ? [stratum.path] : []));
  if (!paths.includes(path))
    throw invalidOption('layers', `layers must have the path of the cache, "${printable(path)}".`);
  if (new Set(paths).size !== paths.length) throw invalidOption('layers', 'layers must not have a path twice.');
  return strata;
}

/** Checks a path and its options, or throws what is wrong with them. */
export function planOf<T>(path: string, options: ConfigOptions<T>): Plan<T> {
  checkPath(path);
  checkKnown(options, names, 'ConfigCache');
  const { signal, timeoutMs } = options;
  checkOptions({ signal, timeoutMs }, 'ConfigCache');
  checkRest(options);
  signal?.throwIfAborted();
  return {
    path,
    schema: options.schema,
    strata: strataOf(path, options.layers ?? [path]),
    shape: options.shape ?? 'tree',
    format: options.format ?? 'json',
    debounceMs: options.debounceMs ?? 0,
    snapshotFile: options.snapshotFile,
    keepsOnEmpty: options.onEmpty !== 'accept',
    secrets: [...(options.secrets ?? [])],
    staleAfterMs: options.staleAfterMs ?? 30_000,
    recentSize: options.recentSize ?? 0,
    onError: options.onError,
    call: { signal, timeoutMs: timeoutMs ?? 5_000 },
  };
}

/** Refuses what names no leaf of a tree, with `INVALID_KEY`. `key`: what it would be in the store. */
export function checkLeaf(path: ConfigPath, key: string): void {
  if (path.length > 0 && !path.some((name) => name === '' || name.includes('/'))) return;
  const sentence = 'A key of a tree has one name or more, none of them empty or with a "/" in it.';
  throw new CoordinationError('INVALID_KEY', sentence, { key, field: 'key' });
}

/** Names a part of a configuration: `db.pool`, or its segments, where one has a dot in it. */
export type ConfigKey = string | readonly string[];

/** The path that a key names. Throws `INVALID_KEY` for what names none. */
export function configPath(key: ConfigKey): ConfigPath {
  if (typeof key === 'string') return key === '' ? [] : key.split('.');
  if (Array.isArray(key) && key.every((segment) => typeof segment === 'string')) return [...key];
  throw new CoordinationError('INVALID_KEY', 'A key of a configuration is text, or a list of texts.', { field: 'key' });
}
