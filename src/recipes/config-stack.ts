import type { Fed } from './config-feed.js';
import type { Format } from './config-format.js';
import { Layer, type Look, look } from './config-layer.js';
import type { Stratum } from './config-options.js';
import { type Inspect, inspectSymbol, type Secrets } from './config-secrets.js';
import { type ConfigPath, Merger } from './config-value.js';

/** What one layer says at a key. */
export interface ConfigStatement {
  /** The path of the layer in the store, or `layers[n]` for an object. */
  readonly layer: string;
  readonly value: unknown;
  /** The key in the store that says it, and the revision at which it was last written. */
  readonly storeKey?: string;
  readonly revision?: bigint;
}

/** Where the value of a key comes from. Prints without secrets. */
export class ConfigExplanation {
  readonly path: ConfigPath;
  /** As it is current. */
  readonly value: unknown;
  /** The layer that gave the value, or hides it; `schema` where none did; undefined where there is no value. */
  readonly from: string | undefined;
  /** What each layer says that says something, the strongest first. Objects merge; else the first one counts. */
  readonly layers: readonly ConfigStatement[];
  /**
   * When the key that holds it, in the layer of the cache's path, was last written, as far as `value` knows; 0n where there
   * is none. What `ifRevision` is to be, for a write that was decided by `value`.
   */
  readonly revision: bigint;
  readonly #secrets: Secrets;

  /** @internal */
  constructor(
    { path, value, layers, revision, from }: Pick<ConfigExplanation, 'path' | 'value' | 'layers' | 'revision' | 'from'>,
    secrets: Secrets,
  ) {
    this.path = path;
    this.value = value;
    this.layers = layers;
    this.revision = revision;
    this.from = from ?? (value === undefined ? undefined : 'schema');
    this.#secrets = secrets;
  }

  get key(): string {
    return this.path.join('.');
  }

  /** What was given by weaker layers, and is not what counts, or only a part of it. */
  get overrode(): readonly ConfigStatement[] {
    return this.layers.filter(({ layer }) => layer !== this.from);
  }

  toJSON(): object {
    const hide = (value: unknown): unknown => this.#secrets.redact(value, this.path);
    const layers = this.layers.map(({ revision, ...statement }) => {
      const told = revision === undefined ? statement : { ...statement, revision: String(revision) };
      return { ...told, value: hide(statement.value) };
    });
    const { key, from } = this;
    return { key, value: hide(this.value), from, revision: String(this.revision), layers };
  }

  [inspectSymbol](_depth: number, options: object, inspect: Inspect): string {
    return `ConfigExplanation ${inspect(this.toJSON(), options)}`;
  }
}

/** What the paths of the store said when a value was accepted. */
export interface Accepted {
  readonly revision: bigint;
  /** Undefined for what they say now. */
  readonly stored: readonly unknown[] | undefined;
}

/** The layers of a configuration, one on the other. */
export class Stack {
  readonly layers: readonly Layer[];
  readonly #strata: readonly (Layer | { readonly value: unknown })[];
  readonly #merger = new Merger();

  constructor(strata: readonly Stratum[], format: Format, node: boolean) {
    this.#strata = strata.map((stratum) => ('path' in stratum ? new Layer(stratum.path, format, node) : stratum));
    this.layers = this.#strata.filter((stratum) => stratum instanceof Layer);
  }

  /** Keys of the store. */
  get size(): number {
    return this.layers.reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether there is a layer that does not come from the store. */
  get hasObjects(): boolean {
    return this.layers.length < this.#strata.length;
  }

  /** A key whose text could not be read. */
  get unreadable(): string | undefined {
    return this.layers.map((layer) => layer.unreadable).find((key) => key !== undefined);
  }

  /** What each path of the store says. */
  get stored(): readonly unknown[] {
    return this.layers.map(({ value }) => value);
  }

  /** Returns how many keys say something else now. */
  apply({ batches }: Fed, anew: boolean): number {
    return this.layers.reduce((sum, layer, n) => {
      const batch = batches[n];
      return batch === undefined ? sum : sum + layer.apply(batch, anew);
    }, 0);
  }

  /** The whole, if the paths say this; what is as it was the last time is not made again. Nothing at all is `{}`. */
  merged(stored: readonly unknown[] = this.stored): unknown {
    return this.#merger.merge(this.#inputs(stored)) ?? nothing;
  }

  /** The whole, if one path said something else. */
  mergedWith(layer: Layer, value: unknown): unknown {
    const stored = this.layers.map((one) => (one === layer ? value : one.value));
    return new Merger().merge(this.#inputs(stored)) ?? nothing;
  }

  /** `own`: the layer that is written to. `accepted`: what the paths said when `value` was accepted, and at which revision. */
  explain(path: ConfigPath, value: unknown, own: Layer, accepted: Accepted, secrets: Secrets): ConfigExplanation {
    const layers: ConfigStatement[] = [];
    let from: string | undefined;
    for (let n = this.#strata.length - 1; n >= 0; n--) {
      const stratum = this.#strata[n];
      const { said, hides } = this.#look(n, path, accepted.stored);
      const layer = stratum instanceof Layer ? stratum.path : `layers[${n}]`;
      if (said !== undefined) layers.push({ layer, value: said, ...written(stratum, path, accepted.revision) });
      if (said !== undefined || hides) from ??= layer;
    }
    const { said } = this.#look(this.#strata.indexOf(own), path, accepted.stored);
    const none = said === undefined ? 0n : accepted.revision;
    const revision = written(own, path, accepted.revision).revision ?? none;
    return new ConfigExplanation({ path, value, layers, revision, from }, secrets);
  }

  /** What lies at a path of the whole, without making the whole of it. */
  at(path: ConfigPath): unknown {
    const said: unknown[] = [];
    for (let n = this.#strata.length - 1; n >= 0; n--) {
      const one = this.#look(n, path, undefined);
      said.unshift(one.said);
      if (one.hides) break;
    }
    return new Merger().merge(said);
  }

  /** `stored`: what the paths said; undefined for what they say now. */
  #look(n: number, path: ConfigPath, stored: readonly unknown[] | undefined): Look {
    const stratum = this.#strata[n];
    if (!(stratum instanceof Layer)) return look(stratum?.value, path);
    return stored === undefined ? stratum.look(path) : look(stored[this.layers.indexOf(stratum)], path);
  }

  #inputs(stored: readonly unknown[]): readonly unknown[] {
    let n = 0;
    return this.#strata.map((stratum) => (stratum instanceof Layer ? stored[n++] : stratum.value));
  }
}

const nothing: Readonly<Record<string, never>> = Object.freeze({});

/** The key that says it. One that was written after `until` is told as written then: a write compared with that fails. */
function written(stratum: unknown, path: ConfigPath, until: bigint): { storeKey?: string; revision?: bigint } {
  if (!(stratum instanceof Layer)) return {};
  const leaf = stratum.leaf(stratum.keyOf(path));
  if (leaf === undefined) return {};
  return { storeKey: leaf.key, revision: leaf.modified > until ? until : leaf.modified };
}
