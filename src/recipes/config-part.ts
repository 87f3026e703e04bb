import { frozenObject, isPlain, Merger, ownOf, shared } from './config-value.js';

/** One key of the store that a layer is made of. */
export interface Leaf {
  readonly key: string;
  readonly created: bigint;
  readonly modified: bigint;
}

const noParts: ReadonlyMap<string, Part> = new Map();

/** A part of the tree that a layer is: what the key of this path says, and the parts below it. */
export class Part {
  leaf: Leaf | undefined;
  said: unknown;
  /** Most parts are leaves, and a map for each would be most of what they take. */
  #parts: Map<string, Part> | undefined;
  /** As it was made the last time; `clean` while nothing has changed since, here or below. */
  #made: unknown;
  #clean = false;

  constructor(made: unknown) {
    this.#made = made;
  }

  /** The parts below, by name. */
  get parts(): ReadonlyMap<string, Part> {
    return this.#parts ?? noParts;
  }

  get empty(): boolean {
    return this.leaf === undefined && this.parts.size === 0;
  }

  soil(): void {
    this.#clean = false;
  }

  part(name: string): Part {
    let part = this.#parts?.get(name);
    if (part === undefined) {
      // What was here before is what its value is to share with, should it say the same again.
      part = new Part(ownOf(this.#made, name));
      this.#parts ??= new Map();
      this.#parts.set(name, part);
    }
    return part;
  }

  drop(name: string): void {
    this.#parts?.delete(name);
  }

  say(leaf: Leaf | undefined, value: unknown): boolean {
    const now = shared(value, this.said === undefined ? this.#made : this.said);
    const changed = !Object.is(now, this.said);
    this.leaf = leaf;
    this.said = now;
    return changed;
  }

  /** Frozen. Costs as many steps as there are names beside those that changed. */
  get value(): unknown {
    if (!this.#clean) {
      this.#made = this.#make();
      this.#clean = true;
    }
    return this.#made;
  }

  #make(): unknown {
    if (this.parts.size === 0) return this.said;
    const below = frozenObject(this.#below(), this.#made);
    // Keys below win over what the key itself says, which can stand beside them only where it is an object too.
    return isPlain(this.said) ? shared(new Merger().merge([this.said, below]), this.#made) : below;
  }

  *#below(): Generator<readonly [string, unknown]> {
    for (const [name, part] of this.parts) yield [name, part.value];
  }
}
