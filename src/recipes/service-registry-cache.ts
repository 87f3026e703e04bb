import type { Entry } from '../core/store.js';
import type { CoordinationError } from '../errors.js';
import { decodeInstance, type Instance, type InstanceFormat } from './service-registry-instance.js';

interface Decoded<Meta> {
  readonly modified: bigint;
  readonly instance: Instance<Meta> | undefined;
}

/** What became of entries. */
export interface ReadInstances<Meta> {
  /** By id. The same list as the last time where all is as it was. */
  readonly instances: readonly Instance<Meta>[];
  /** Why which entries are no instances, of those that are new. */
  readonly skipped: readonly CoordinationError[];
}

/** Reads the instances of a service, each thing that one says only once: an instance that is as it was is the same object. */
export class InstanceCache<Meta> {
  readonly #format: InstanceFormat<Meta>;
  #known = new Map<string, Decoded<Meta>>();
  #instances: readonly Instance<Meta>[] = Object.freeze([]);

  constructor(format: InstanceFormat<Meta>) {
    this.#format = format;
  }

  /** One call at a time. Never rejects. */
  async read(entries: readonly Entry[]): Promise<ReadInstances<Meta>> {
    const skipped: CoordinationError[] = [];
    const before = this.#known;
    const decoded = await Promise.all(entries.map((entry) => this.#decode(entry, skipped)));
    this.#known = new Map(entries.map(({ key }, n) => [key, decoded[n] as Decoded<Meta>]));
    const same = before.size === entries.length && entries.every(({ key }, n) => before.get(key) === decoded[n]);
    if (!same) this.#instances = instancesOf(decoded);
    return { instances: this.#instances, skipped };
  }

  async #decode(entry: Entry, skipped: CoordinationError[]): Promise<Decoded<Meta>> {
    const { key, modified } = entry;
    const known = this.#known.get(key);
    if (known?.modified === modified) return known;
    try {
      return { modified, instance: await decodeInstance(entry, this.#format) };
    } catch (error) {
      // It throws nothing else.
      skipped.push(error as CoordinationError);
      return { modified, instance: undefined };
    }
  }
}

function instancesOf<Meta>(decoded: readonly Decoded<Meta>[]): readonly Instance<Meta>[] {
  const instances = decoded.flatMap(({ instance }) => (instance === undefined ? [] : [instance]));
  return Object.freeze(instances.sort((a, b) => (a.id < b.id ? -1 : 1)));
}
