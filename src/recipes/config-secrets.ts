import { CoordinationError } from '../errors.js';
import { type ConfigPath, isPlain } from './config-value.js';

/** What stands in a print where a secret is. */
const redacted = '[redacted]';

/** How Node prints an object by a way of its own, without importing it. */
export const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** What Node gives a way of printing: how to print what is inside. */
export type Inspect = (value: unknown, options: unknown) => string;

/** Which parts of a configuration no print may show. */
export class Secrets {
  readonly #patterns: readonly ConfigPath[];

  /** Each pattern is a key, in which a segment `*` stands for any one. All below it is secret too. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map((pattern) => pattern.split('.'));
  }

  /** Whether a part is secret: it, or something above it, fits a pattern. */
  covers(path: ConfigPath): boolean {
    return this.#patterns.some((pattern) => pattern.length <= path.length && fits(pattern, path));
  }

  /** Whether a part is secret or has secrets in it. What is said about it by others may then show one. */
  touches(path: ConfigPath): boolean {
    return this.#patterns.some((pattern) => fits(pattern, path));
  }

  /** A copy of a part, fit to be printed. */
  redact(value: unknown, path: ConfigPath = []): unknown {
    if (value === undefined) return undefined;
    if (this.covers(path)) return redacted;
    if (!this.touches(path)) return value;
    if (Array.isArray(value)) return value.map((item, n) => this.redact(item, [...path, String(n)]));
    if (!isPlain(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, this.redact(part, [...path, name])]));
  }
}

/** Whether the shorter of the two is the beginning of the longer one. */
function fits(pattern: ConfigPath, path: ConfigPath): boolean {
  const length = Math.min(pattern.length, path.length);
  return pattern.slice(0, length).every((segment, n) => segment === '*' || segment === path[n]);
}

/** Refuses what is no list of patterns, with `INVALID_OPTION`. */
export function checkSecrets(secrets: unknown): void {
  if (secrets === undefined) return;
  const good =
    Array.isArray(secrets) && secrets.every((one) => typeof one === 'string' && !one.split('.').includes(''));
  if (good) return;
  const sentence = 'secrets must be a list of keys like "db.password", in which a segment may be "*".';
  throw new CoordinationError('INVALID_OPTION', sentence, { field: 'secrets' });
}
