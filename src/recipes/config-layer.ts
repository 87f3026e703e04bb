import type { Known } from '../core/audited-watch.js';
import { decodeText } from '../core/codec.js';
import type { Batch, Entry, Range } from '../core/store.js';
import type { Format } from './config-format.js';
import { type Leaf, Part } from './config-part.js';
import { type ConfigPath, isPlain, ownOf, shared, valueAt } from './config-value.js';

/** What is said at a path, and whether nothing weaker shows there because of it, or of what is said on the way. */
export interface Look {
  readonly said: unknown;
  readonly hides: boolean;
}

/** Looks at a path of a value. */
export function look(value: unknown, path: ConfigPath): Look {
  let here = value;
  for (const name of path) {
    if (here !== undefined && !isPlain(here)) return { said: valueAt(value, path), hides: true };
    here = ownOf(here, name);
  }
  return { said: here, hides: here !== undefined && !isPlain(here) };
}

/**
 * What one path of the store says, kept up to date by the batches of a watch, at a cost that goes with what changed. As
 * `node`, the key `path` is one document; as `tree`, each key below `path/` is a leaf.
 */
export class Layer implements Known {
  readonly path: string;
  readonly range: Range;
  readonly #format: Format;
  readonly #node: boolean;
  readonly #parts = new Map<string, Part>();
  readonly #unreadable = new Set<string>();
  #root: Part;

  constructor(path: string, format: Format, node: boolean) {
    this.path = path;
    this.range = node ? { key: path } : { prefix: `${path}/` };
    this.#format = format;
    this.#node = node;
    this.#root = new Part(undefined);
  }

  /** How many keys there are. */
  get size(): number {
    return this.#parts.size;
  }

  /** Frozen; undefined where there is no key. What did not change is what it was. */
  get value(): unknown {
    return this.#root.value;
  }

  /** What is said at a path, without making more of the whole than that. */
  look(path: ConfigPath): Look {
    let part = this.#root;
    for (const [n, name] of path.entries()) {
      const below = part.parts.get(name);
      // What a key says itself, beside or instead of keys below it.
      if (part.said !== undefined || below === undefined)
        return look(part.parts.size === 0 ? part.said : part.value, path.slice(n));
      part = below;
    }
    return { said: part.value, hides: part.value !== undefined && !isPlain(part.value) };
  }

  /** A key whose text could not be read. */
  get unreadable(): string | undefined {
    return this.#unreadable.values().next().value;
  }

  /** The frozen value that is to be shared with, from before there was anything here. */
  seed(value: unknown): void {
    this.#root = new Part(value);
  }

  /** The key in the store that holds a path. */
  keyOf(path: ConfigPath): string {
    return this.#node ? this.path : [this.path, ...path].join('/');
  }

  leaf(key: string): Leaf | undefined {
    return this.#parts.get(key)?.leaf;
  }

  modifiedOf(key: string): bigint | undefined {
    return this.leaf(key)?.modified;
  }

  keys(): IterableIterator<string> {
    return this.#parts.keys();
  }

  /** Whether other keys lie below this one. */
  hasBelow(key: string): boolean {
    return ((this.#parts.get(key) ?? this.#find(key))?.parts.size ?? 0) > 0;
  }

  /** The way to what a key says. */
  pathOf(key: string): ConfigPath {
    return this.#node ? [] : key.slice(this.path.length + 1).split('/');
  }

  /** Returns how many keys say something else now. `anew`: nothing that was known before is to be relied upon. */
  apply(batch: Batch, anew = false): number {
    if (batch.kind === 'changes') return this.#change(batch.puts, batch.deletes, anew);
    const gone = new Set(this.#parts.keys());
    for (const { key } of batch.entries) gone.delete(key);
    return this.#change(batch.entries, gone, anew);
  }

  #change(puts: readonly Entry[], deletes: Iterable<string>, anew: boolean): number {
    let changed = 0;
    for (const key of deletes) if (this.#delete(key)) changed++;
    for (const entry of puts) if (this.#put(entry, anew)) changed++;
    return changed;
  }

  #put({ key, value, created, modified }: Entry, anew: boolean): boolean {
    const known = this.#parts.get(key)?.leaf;
    if (!anew && known?.modified === modified && known.created === created) return false;
    const line = this.#line(key, true);
    const part = line.at(-1);
    if (part === undefined) return false;
    this.#parts.set(key, part);
    const changed = part.say({ key, created, modified }, this.#parse(decodeText(value), key, part.said));
    if (changed) for (const one of line) one.soil();
    return changed;
  }

  #delete(key: string): boolean {
    if (!this.#parts.delete(key)) return false;
    this.#unreadable.delete(key);
    const line = this.#line(key, false);
    line.at(-1)?.say(undefined, undefined);
    for (const one of line) one.soil();
    const path = this.pathOf(key);
    for (let n = line.length - 1; n > 0 && line[n]?.empty; n--) line[n - 1]?.drop(path[n - 1] ?? '');
    return true;
  }

  /** What cannot be read says what it said before, and stands in the way of the whole until it can be. */
  #parse(text: string, key: string, before: unknown): unknown {
    try {
      const value = this.#format.parse(text, key);
      // Something that nests too deeply to be copied is found out here too.
      const said = value === undefined ? null : shared(value, before);
      this.#unreadable.delete(key);
      return said;
    } catch {
      // Not the cause: it may quote the text.
      this.#unreadable.add(key);
      return before ?? null;
    }
  }

  /** The parts from the root down to the one of a key. */
  #line(key: string, make: boolean): Part[] {
    const line = [this.#root];
    for (const name of this.pathOf(key)) {
      const above = line.at(-1);
      const part = make ? above?.part(name) : above?.parts.get(name);
      if (part === undefined) break;
      line.push(part);
    }
    return line;
  }

  #find(key: string): Part | undefined {
    const line = this.#line(key, false);
    return line.length === this.pathOf(key).length + 1 ? line.at(-1) : undefined;
  }
}
