/** Values as text: to tell equal ones, to show them to people, and to write them to files. */
import { CoordinationError, printable } from '../../errors.js';

function refused(what: string): CoordinationError {
  const sentence = `${what} cannot be compared: use plain objects, arrays, Map, Set, Uint8Array and primitives, or give the model a key().`;
  return new CoordinationError('INVALID_VALUE', sentence, { field: 'value' });
}

function showObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value instanceof Uint8Array) return `bytes(${Buffer.from(value).toString('base64')})`;
  if (value instanceof Set) return `set{${[...value].map(show).sort().join(', ')}}`;
  if (value instanceof Map) return `map{${[...value].map(showPair).sort().join(', ')}}`;
  if (!isPlain(value)) throw refused(`An instance of ${value.constructor?.name}`);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields
    .map(([name, field]) => `${/^\w+$/.test(name) ? name : JSON.stringify(name)}: ${show(field)}`)
    .sort()
    .join(', ')}}`;
}

function showPair([key, value]: readonly [unknown, unknown]): string {
  return `${show(key)} => ${show(value)}`;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A value as text, the same for equal values and for no others. Fields that are undefined count as not there. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function' || typeof value === 'symbol') throw refused(`A ${typeof value}`);
  return typeof value === 'object' && value !== null ? showObject(value) : String(value);
}

/** A value for people: cut to 200 characters, and whatever it is. */
export function text(value: unknown): string {
  try {
    return printable(show(value));
  } catch {
    // Outputs are for models alone, and a model with a key() may have states of any kind.
    return 'something without a text';
  }
}

/** Something by which a `Map` tells values apart as {@link show} does; primitives stand for themselves. */
export function identity(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw refused(`A ${typeof value}`);
  // No text of a user begins with NUL and a bracket by chance: objects and strings keep apart.
  return typeof value === 'object' && value !== null ? `\u0000${showObject(value)}` : value;
}

/** JSON has no bigint and no bytes. They are written as objects of one field with `$`, and such objects as wrapped. */
function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || value === undefined) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item) => (item === undefined ? { $undefined: true } : toJson(item)));
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (typeof value !== 'object' || !isPlain(value)) {
    const sentence = 'A history in a file has plain objects, arrays, Uint8Array and finite primitives only.';
    throw new CoordinationError('INVALID_VALUE', sentence, { field: 'value' });
  }
  const entries = Object.entries(value).map(([name, field]) => [name, toJson(field)] as const);
  const plain = Object.fromEntries(entries);
  return entries.length === 1 && entries[0]?.[0].startsWith('$') ? { $plain: plain } : plain;
}

function fieldsFromJson(value: object): unknown {
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fromJson(field)]));
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const [first, second] = Object.entries(value);
  if (first === undefined || second !== undefined) return fieldsFromJson(value);
  const [name, field] = first as [string, unknown];
  if (name === '$undefined') return undefined;
  if (name === '$bigint' && typeof field === 'string') return BigInt(field);
  if (name === '$bytes' && typeof field === 'string') return new Uint8Array(Buffer.from(field, 'base64'));
  return name === '$plain' && typeof field === 'object' && field !== null
    ? fieldsFromJson(field)
    : fieldsFromJson(value);
}

/** One line of JSON, bigints and bytes included; {@link fromLine} reads it back. `INVALID_VALUE` for what would not come back. */
export function toLine(value: unknown): string {
  return JSON.stringify(toJson(value));
}

/** What {@link toLine} wrote. Throws SyntaxError for what is no JSON. */
export function fromLine(line: string): unknown {
  return fromJson(JSON.parse(line));
}
