import { CoordinationError, type ErrorCode, type ErrorDetails, printable } from '../../errors.js';

/** What a failure means. */
export interface Meaning {
  readonly code: ErrorCode;
  /** Whether a write that failed like this can have been applied, or may yet be. */
  readonly applied: 'no' | 'unknown';
  /** What the transport may do about it by itself; a write is repeated only where it was not applied. */
  readonly remedy: 'none' | 'repeat' | 'new-token';
}

const refused: Meaning = { code: 'REFUSED_BY_STORE', applied: 'no', remedy: 'none' };
const denied: Meaning = { code: 'PERMISSION_DENIED', applied: 'no', remedy: 'none' };
const unknownToken: Meaning = { code: 'UNAUTHENTICATED', applied: 'no', remedy: 'new-token' };
const unauthenticated: Meaning = { code: 'UNAUTHENTICATED', applied: 'no', remedy: 'none' };
const overloaded: Meaning = { code: 'OVERLOADED', applied: 'no', remedy: 'repeat' };
const untouched: Meaning = { code: 'UNAVAILABLE', applied: 'no', remedy: 'repeat' };
const unclear: Meaning = { code: 'UNAVAILABLE', applied: 'unknown', remedy: 'repeat' };
const leaseGone: Meaning = { code: 'LEASE_NOT_FOUND', applied: 'no', remedy: 'none' };
const foreign: Meaning = { code: 'PROTOCOL_ERROR', applied: 'no', remedy: 'none' };
const tooLarge: Meaning = { code: 'VALUE_TOO_LARGE', applied: 'no', remedy: 'none' };

/** An answer that nobody can make sense of, to a request that was read. */
export const garbledAnswer: Meaning = { code: 'PROTOCOL_ERROR', applied: 'unknown', remedy: 'none' };

/**
 * @internal By a piece of the text, whatever the status. Consul says the same thing with different statuses: inside of a
 * transaction with 409, outside with 403 or 500. docs/internals/consul-differences.md shows this to people.
 */
export const byText: readonly (readonly [RegExp, Meaning])[] = [
  [/ACL not found/, unknownToken],
  [/Permission denied|lacks permission/, denied],
  [/[Rr]ate limit|too many concurrent connections/, overloaded],
  [/invalid session|failed session lookup|Session id '.*' not found/, leaseGone],
  // An agent that was taken out of the catalog puts itself back within a minute.
  [/No cluster leader|Missing node registration/, untouched],
  [/too many operations/, { code: 'TOO_MANY_OPS', applied: 'no', remedy: 'none' }],
  [/too large/, tooLarge],
  [/Invalid Session TTL/, { code: 'INVALID_TTL', applied: 'no', remedy: 'none' }],
];

/** What an answer with this status and text means, which is not the answer that was hoped for. */
export function meaningOf(status: number, text: string): Meaning {
  // The text of a redirect is of its server's making.
  if (status < 400) return status >= 300 ? foreign : garbledAnswer;
  const said = withoutNames(text);
  for (const [pattern, meaning] of byText) if (pattern.test(said)) return meaning;
  return byStatus.get(status) ?? (status >= 500 ? unclear : refused);
}

/** The text without what it quotes: keys and values of others may say anything. */
export function withoutNames(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
}

/** @internal By status, where the text says nothing. */
export const byStatus: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [401, unauthenticated],
  [403, denied],
  [404, foreign],
  [409, refused],
  [413, tooLarge],
  [429, overloaded],
  [501, { code: 'UNSUPPORTED', applied: 'no', remedy: 'none' }],
]);

/** One attempt that failed, as the transport thinks of it; users get {@link Failure.toError}. */
export class Failure {
  readonly meaning: Meaning;
  /** Why, in words from outside, fit to be printed. */
  readonly text: string;
  /** How long the server asks to be left alone, in milliseconds. */
  readonly pauseMs: number;
  /** What an ACL policy would have to say to allow it, where that is known better than by the whole call. */
  readonly #rule: string | undefined;

  constructor(meaning: Meaning, text: string, more: { readonly pauseMs?: number; readonly rule?: string } = {}) {
    this.meaning = meaning;
    this.text = printable(text);
    this.pauseMs = more.pauseMs ?? 0;
    this.#rule = more.rule;
  }

  /** `rule` is what an ACL policy would have to say to allow the call. */
  toError(what: string, details: ErrorDetails = {}, rule?: string): CoordinationError {
    const { code } = this.meaning;
    const needed = this.#rule ?? rule;
    const missing = code === 'PERMISSION_DENIED' && needed !== undefined ? `. The token needs: ${needed}` : '';
    return new CoordinationError(
      code,
      `${openings[code] ?? 'Consul refused'}: ${what}: ${this.text}${missing}`,
      details,
    );
  }
}

const openings: Partial<Record<ErrorCode, string>> = {
  UNAVAILABLE: 'Consul cannot be reached or has no leader',
  TIMEOUT: 'Timed out',
  OVERLOADED: 'Consul asks for less load',
  UNAUTHENTICATED: 'Consul does not know the token',
  PERMISSION_DENIED: 'The token does not permit this',
  TLS_FAILED: 'No TLS connection could be made',
  LEASE_NOT_FOUND: 'The session has ended',
  INVALID_TTL: 'The servers have a higher session_ttl_min than the option session.minTtlMs says',
  PROTOCOL_ERROR: 'The answer is not what a Consul gives',
};

const tlsTrouble = /certificate|self.signed|altname|\bssl|\btls|ERR_TLS|EPROTO|wrong version number|CERT_/i;

/** A connection that was not made, or broke. `sent`: whether the request can have reached the server. */
export function connectionFailure(error: Error, sent: boolean, secure: boolean): Failure {
  const { code = '' } = error as NodeJS.ErrnoException;
  const text = error.message === '' ? code : error.message;
  // With TLS 1.3 a server refuses a client's certificate only after the client has begun to send.
  if (sent && !(secure && /\balert\b/i.test(text))) return new Failure(unclear, text);
  return new Failure(secure && tlsTrouble.test(`${code} ${text}`) ? tlsFailed : untouched, text);
}

// A certificate does not mend itself.
const tlsFailed: Meaning = { code: 'TLS_FAILED', applied: 'no', remedy: 'none' };

/** No answer, or no connection, in time. */
export function timeFailure(ms: number, sent: boolean): Failure {
  const what = sent ? 'no answer' : 'no connection';
  return new Failure(
    { code: 'TIMEOUT', applied: sent ? 'unknown' : 'no', remedy: 'repeat' },
    `${what} within ${ms} ms`,
  );
}
