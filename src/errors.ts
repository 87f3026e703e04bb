/**
 * Every way in which coterie fails, by stable code. Codes are part of the public interface: one is never renamed, and
 * never reused for something else.
 */
export const errorCodes = [
  // Bad input. Thrown before anything is sent; mend the call.
  'INVALID_KEY',
  'INVALID_PREFIX',
  'INVALID_VALUE',
  'INVALID_TTL',
  'INVALID_TIMEOUT',
  'INVALID_ENDPOINT',
  'INVALID_OPTION',
  'UNKNOWN_OPTION',
  'INVALID_COMMIT',
  'DUPLICATE_KEY',
  'TOO_MANY_OPS',
  'VALUE_TOO_LARGE',
  'INSECURE_CREDENTIALS',
  // The life of clients, sessions and held things.
  'CLOSED',
  'SESSION_LOST',
  'SESSION_CLOSED',
  'TICKET_LOST',
  'RELEASED',
  // What recipes meet.
  'CONFLICT',
  'LIMIT_MISMATCH',
  'TOO_MANY_MEMBERS',
  'MEMBER_EXISTS',
  'NO_INSTANCE',
  'INVALID_CONFIG',
  'CORRUPT_DATA',
  // What became of a call.
  'TIMEOUT',
  'UNKNOWN_OUTCOME',
  // What the store answered.
  'LEASE_NOT_FOUND',
  'COMPACTED',
  'UNAVAILABLE',
  'OVERLOADED',
  'NO_SPACE',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'TLS_FAILED',
  'CLUSTER_CHANGED',
  'REVISION_REGRESSED',
  'UNSUPPORTED',
  'REFUSED_BY_STORE',
  'PROTOCOL_ERROR',
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/**
 * Codes after which the same call may simply be made again: nothing was applied, and the cause passes by itself.
 * UNKNOWN_OUTCOME is not among them, since a blind second attempt could apply the same change twice.
 */
const retryableCodes: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT']);

/** What an error may carry beside its code and sentence. Names and ids only: never a value, a password or a token. */
export interface ErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Whether making the same call again can help and cannot harm. Default: what the code says. */
  readonly retryable?: boolean;
  /** The key or prefix the call was about. */
  readonly key?: string;
  /** The keys it was about, where there are several: those that others changed, of a `CONFLICT`. */
  readonly keys?: readonly string[];
  /** The lease or session id the call was about. */
  readonly lease?: string;
  /** The option, argument or field that was wrong. */
  readonly field?: string;
  /** A word for what was wrong with it, for programs: `empty`, `nul`, `dot-segment`, ... */
  readonly problem?: string;
}

const brand: unique symbol = Symbol.for('coterie.CoordinationError') as never;

/**
 * The one error class of the library. Tell errors apart by {@link CoordinationError.code} with
 * {@link isCoordinationError}; the sentence is for people and may change.
 */
export class CoordinationError extends Error {
  override readonly name = 'CoordinationError';
  readonly code: ErrorCode;
  /** True when nothing was applied and making the same call again can help. */
  readonly retryable: boolean;
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly lease?: string;
  readonly field?: string;
  readonly problem?: string;
  /** @internal Recognised across two copies of the package, where `instanceof` is not. */
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.retryable = details.retryable ?? retryableCodes.has(code);
    if (details.key !== undefined) this.key = details.key;
    if (details.keys !== undefined) this.keys = details.keys;
    if (details.lease !== undefined) this.lease = details.lease;
    if (details.field !== undefined) this.field = details.field;
    if (details.problem !== undefined) this.problem = details.problem;
  }
}

/**
 * Tells whether something caught is a {@link CoordinationError}, and of this code where one is given. Works on errors
 * of another copy of the package too.
 */
export function isCoordinationError<C extends ErrorCode>(
  error: unknown,
  code?: C,
): error is CoordinationError & { readonly code: C } {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false;
  return code === undefined || (error as CoordinationError).code === code;
}

/** Whether something caught says of itself that the same call may simply be made again. */
export function isRetryable(error: unknown): boolean {
  return isCoordinationError(error) && error.retryable;
}

/** Longest piece of foreign text that goes into a message. */
const maxForeignText = 200;

/**
 * Makes text from outside (a server's message, a key, a user's input) fit to stand in a message or a log line: control
 * characters are escaped and it is cut to 200 characters.
 */
export function printable(text: unknown): string {
  const whole = typeof text === 'string' ? text : describeType(text);
  const cut = whole.length > maxForeignText ? `${whole.slice(0, maxForeignText)}...` : whole;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return cut.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function describeType(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return value instanceof Error ? value.message : typeof value;
}
