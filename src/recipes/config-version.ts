import { type Inspect, inspectSymbol, type Secrets } from './config-secrets.js';
import { type ConfigPath, isPlain, ownOf, shared } from './config-value.js';

/** Where a value came from: the store, the file of an earlier life, or the object layers alone. */
export type ConfigSource = 'store' | 'snapshot' | 'defaults';

/** One part that differs between two versions. Prints without secrets; `before` and `after` are the values themselves. */
export class ConfigDifference {
  readonly path: ConfigPath;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before: unknown;
  readonly after: unknown;
  readonly #secrets: Secrets;

  /** @internal */
  constructor(path: ConfigPath, before: unknown, after: unknown, secrets: Secrets) {
    this.path = path;
    this.kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    this.before = before;
    this.after = after;
    this.#secrets = secrets;
  }

  /** The path in one word, as `db.pool`. */
  get key(): string {
    return this.path.join('.');
  }

  toJSON(): object {
    const [before, after] = [this.before, this.after].map((value) => this.#secrets.redact(value, this.path));
    return {
      key: this.key,
      kind: this.kind,
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    };
  }

  [inspectSymbol](_depth: number, options: object, inspect: Inspect): string {
    return `ConfigDifference ${inspect(this.toJSON(), options)}`;
  }
}

/** What differs between two frozen values: objects are looked into, all else differs as a whole. */
function differences(before: unknown, after: unknown, secrets: Secrets): readonly ConfigDifference[] {
  const found: ConfigDifference[] = [];
  const look = (was: unknown, is: unknown, path: ConfigPath): void => {
    // What is shared between two versions is not looked into.
    if (Object.is(was, is)) return;
    if (isPlain(was) && isPlain(is)) {
      for (const name of Object.keys(was)) look(ownOf(was, name), ownOf(is, name), [...path, name]);
      for (const name of Object.keys(is))
        if (!Object.hasOwn(was, name)) look(undefined, ownOf(is, name), [...path, name]);
    } else if (!Object.is(shared(is, was), was)) {
      found.push(new ConfigDifference(path, was, is, secrets));
    }
  };
  look(before, after, []);
  return Object.freeze(found);
}

/** What makes up a {@link ConfigVersion}. */
export interface VersionParts<T> {
  readonly revision: bigint;
  readonly value: T;
  readonly previous: T;
  readonly source: ConfigSource;
  readonly reset: boolean;
}

/** A configuration as it was put in place at one revision. Prints without secrets. */
export class ConfigVersion<T> {
  /** The revision of the store that the value is the truth at. */
  readonly revision: bigint;
  /** Frozen. */
  readonly value: T;
  /** What it took the place of. */
  readonly previous: T;
  readonly source: ConfigSource;
  /** The store's revisions have gone back since the last version: it was rebuilt, or restored from a backup. */
  readonly reset: boolean;
  readonly #secrets: Secrets;
  #diff: readonly ConfigDifference[] | undefined;

  /** @internal */
  constructor({ revision, value, previous, source, reset }: VersionParts<T>, secrets: Secrets) {
    this.revision = revision;
    this.value = value;
    this.previous = previous;
    this.source = source;
    this.reset = reset;
    this.#secrets = secrets;
  }

  /** How `value` differs from `previous`. Made when it is first asked for, at the cost of what differs. */
  get diff(): readonly ConfigDifference[] {
    this.#diff ??= differences(this.previous, this.value, this.#secrets);
    return this.#diff;
  }

  /** @internal The same, as seen by one who last saw another version. */
  since(previous: T, reset: boolean): ConfigVersion<T> {
    return new ConfigVersion({ ...this, previous, reset }, this.#secrets);
  }

  toJSON(): object {
    const { source, reset, value, diff } = this;
    return { revision: String(this.revision), source, reset, value: this.#secrets.redact(value), diff };
  }

  [inspectSymbol](_depth: number, options: object, inspect: Inspect): string {
    return `ConfigVersion ${inspect(this.toJSON(), options)}`;
  }
}
