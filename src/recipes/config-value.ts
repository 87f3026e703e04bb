/** Values of a configuration: frozen, and sharing with each other whatever is equal in them. */

/** The way to a part of a configuration, segment by segment; empty for the whole. */
export type ConfigPath = readonly string[];

type PlainObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object that merges and is looked into, as JSON has them; not an array, a Date, a class. */
export function isPlain(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The property of its own that a value has, undefined for whatever it inherits. */
export function ownOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  // Only whether it is there was asked; what it is is unknown.
  return (value as PlainObject)[name];
}

/** What lies at a path; undefined where nothing does. */
export function valueAt(value: unknown, path: ConfigPath): unknown {
  let here = value;
  for (const segment of path) here = ownOf(here, segment);
  return here;
}

/** Sets a property, also one whose name means something to the language. */
function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[name] = value;
  }
}

/** A frozen object of these properties; `before` instead, where it is the same. Undefined stands for no property. */
export function frozenObject(properties: Iterable<readonly [string, unknown]>, before?: unknown): PlainObject {
  const object: Record<string, unknown> = {};
  let same = isPlain(before);
  let count = 0;
  for (const [name, value] of properties) {
    if (value === undefined) continue;
    count++;
    setOwn(object, name, value);
    same &&= Object.is(ownOf(before, name), value);
  }
  if (same && isPlain(before) && Object.keys(before).length === count) return before;
  return Object.freeze(object);
}

/** Whether two that are no arrays and no plain objects are the same: identical, or alike by what they say as JSON. */
function sameLeaf(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const say = (value: object): unknown =>
    'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value;
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b) && Object.is(say(a), say(b));
}

/**
 * A frozen copy of a value, in which all that is equal to its counterpart in `before` is that counterpart; `before`
 * itself where all is. Nothing is copied of what is `known` to be frozen already. Objects that are not plain, such as
 * dates, are kept as they are.
 */
export function shared(value: unknown, before: unknown, known?: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value === known || value === before) return value;
  if (Array.isArray(value)) return sharedArray(value, before, known);
  if (!isPlain(value)) return sameLeaf(value, before) ? before : value;
  const parts = Object.keys(value).map((name): [string, unknown] => {
    return [name, shared(value[name], ownOf(before, name), ownOf(known, name))];
  });
  return frozenObject(parts, before);
}

function sharedArray(value: readonly unknown[], before: unknown, known: unknown): unknown {
  const [was, same]: [readonly unknown[], unknown] = [Array.isArray(before) ? before : [], known];
  const items = value.map((item, n) => shared(item, was[n], Array.isArray(same) ? same[n] : undefined));
  const unchanged =
    Array.isArray(before) && was.length === items.length && items.every((item, n) => Object.is(item, was[n]));
  return unchanged ? before : Object.freeze(items);
}

/** Whether two values say the same. */
export function equal(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || Object.is(shared(b, a), a);
}

/** A frozen value that differs from this one by what lies at the path; undefined takes it away. */
export function withAt(value: unknown, path: ConfigPath, part: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return part;
  const properties = new Map(isPlain(value) ? Object.entries(value) : []);
  properties.set(name, withAt(ownOf(value, name), rest, part));
  return frozenObject(properties, value);
}

/** A tree without a leaf, and without what is left empty by that, as the store would show it. */
export function withoutAt(value: unknown, path: ConfigPath): unknown {
  const left = withAt(value, path, undefined);
  const above = path.slice(0, -1);
  const part = valueAt(left, above);
  const empty = typeof part === 'object' && part !== null && Object.keys(part).length === 0;
  return empty && path.length > 0 ? (above.length === 0 ? undefined : withoutAt(left, above)) : left;
}

/**
 * Merges values, the weakest first, again and again, and does anew only what is not as it was the last time. Objects
 * merge, name by name. Everything else, arrays and null too, takes the place of what is weaker. Undefined is nothing.
 */
export class Merger {
  #inputs: readonly unknown[] = [];
  #output: unknown;
  readonly #parts = new Map<string, Merger>();

  merge(inputs: readonly unknown[]): unknown {
    const same = inputs.length === this.#inputs.length && inputs.every((input, n) => Object.is(input, this.#inputs[n]));
    if (!same) {
      this.#output = this.#merge(inputs);
      this.#inputs = inputs;
    }
    return this.#output;
  }

  #merge(inputs: readonly unknown[]): unknown {
    const defined = inputs.filter((input) => input !== undefined);
    const strongest = defined.at(-1);
    if (!isPlain(strongest)) return strongest;
    const objects = defined.slice(defined.findLastIndex((input) => !isPlain(input)) + 1);
    if (objects.length === 1) {
      this.#parts.clear();
      return strongest;
    }
    const names = new Set(objects.flatMap((object) => Object.keys(object ?? {})));
    for (const name of this.#parts.keys()) if (!names.has(name)) this.#parts.delete(name);
    const parts = [...names].map((name): [string, unknown] => {
      return [name, this.#part(name).merge(objects.map((object) => ownOf(object, name)))];
    });
    return frozenObject(parts, this.#output);
  }

  #part(name: string): Merger {
    const part = this.#parts.get(name) ?? new Merger();
    this.#parts.set(name, part);
    return part;
  }
}
