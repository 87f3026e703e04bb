import { checkKnown, checkTimeout, invalidOption, isInteger } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { Typed, type Typing, typingOptions } from '../core/typed.js';
import { CoordinationError } from '../errors.js';
import { type SessionChoice, type SessionSource, sessionOptions, sessionSource } from './line-session.js';
import { QueueKeys, type QueueOrder } from './queue-keys.js';
import { Remembered } from './queue-remembered.js';

export interface QueueOptions<T> extends SessionChoice, Typing<T> {
  /**
   * How often an item is delivered at most, from 1. One that was delivered so often and never acknowledged is a dead
   * letter. Default 5.
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Where dead letters go: the path of a queue, by default `<path>/dead`. `false`: they are deleted. All who use a queue
   * should say the same.
   */
  readonly deadLetters?: string | boolean | undefined;
  /**
   * How long a consumer has for an item, in milliseconds, unless it says so itself at `take`: then it gives the item back,
   * by its own clock. Default: as long as its session lives.
   */
  readonly visibilityMs?: number | undefined;
  /**
   * How long the id of an acknowledged item is remembered at least, in milliseconds (at most: twice as long), so that the
   * same id, put again, is not added again. 0: not at all. Default 60,000.
   */
  readonly rememberMs?: number | undefined;
}

/** What the parts of one queue share. */
export interface QueueSetup {
  readonly client: ClientContext;
  readonly order: QueueOrder;
  readonly keys: QueueKeys;
  readonly sessions: SessionSource;
  readonly maxAttempts: number;
  readonly visibilityMs: number | undefined;
  /** Where dead letters go. */
  readonly dead: QueueKeys | undefined;
  readonly remembered: Remembered;
}

/** The same, with what is known of the values. */
export interface QueueParts<T> extends QueueSetup {
  readonly typed: Typed<T>;
}

const queueOptions = ['maxAttempts', 'deadLetters', 'visibilityMs', 'rememberMs'] as const;

/** Checks the options of a queue, and makes its parts of them. Sends nothing. */
export function queueParts<T>(
  client: ClientContext,
  path: string,
  options: QueueOptions<T>,
  order: QueueOrder,
  name: string,
): QueueParts<T> {
  checkKnown(options, [...sessionOptions, ...typingOptions, ...queueOptions], name);
  const { maxAttempts = 5, deadLetters = true, visibilityMs, rememberMs = 60_000 } = options;
  const keys = new QueueKeys(path);
  if (maxAttempts !== Number.POSITIVE_INFINITY && !isInteger(maxAttempts, 1)) {
    throw invalidOption('maxAttempts', 'maxAttempts must be an integer from 1, or Infinity.', 'out-of-range');
  }
  checkTimeout(visibilityMs, 'visibilityMs');
  return {
    client,
    order,
    keys,
    typed: new Typed(options),
    sessions: sessionSource(client, sessionChoice(options)),
    maxAttempts,
    visibilityMs,
    dead: deadKeys(path, deadLetters),
    remembered: new Remembered(client, rememberMs),
  };
}

function sessionChoice({ session, ttlMs, onSessionLost }: SessionChoice): SessionChoice {
  return { session, ttlMs, onSessionLost };
}

function deadKeys(path: string, deadLetters: unknown): QueueKeys | undefined {
  if (deadLetters === false) return undefined;
  if (deadLetters === true) return new QueueKeys(`${path}/dead`);
  const keys = new QueueKeys(deadLetters as string); // Which refuses what is no path.
  if (keys.path !== path) return keys;
  const sentence = 'The dead letters of a queue need another path than its own.';
  throw new CoordinationError('INVALID_OPTION', sentence, { field: 'deadLetters' });
}
