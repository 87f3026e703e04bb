import type { status } from '@grpc/grpc-js';
import { CoordinationError, type ErrorCode, type ErrorDetails, printable } from '../../errors.js';
import { type Meaning, meaningOf } from './failure-table.js';

/** One attempt that failed, as the transport thinks of it; users get {@link Failure.toError}. */
export class Failure {
  readonly meaning: Meaning;
  /** Where it happened, for the message. */
  readonly endpoint: string;
  /** Why, in words from outside, fit to be printed. */
  readonly text: string;
  /** Whether the endpoint had enough time, so that a timeout speaks against it. */
  readonly patient: boolean;

  constructor(meaning: Meaning, endpoint: string, text: string, patient = true) {
    this.meaning = meaning;
    this.endpoint = endpoint;
    this.text = printable(text);
    this.patient = patient;
  }

  /** Of a gRPC status. */
  static of(code: status, text: string, endpoint: string, patient = true): Failure {
    return new Failure(meaningOf(code, text), endpoint, text, patient);
  }

  toError(what: string, details: ErrorDetails = {}): CoordinationError {
    const { code } = this.meaning;
    return new CoordinationError(code, `${opening(code)}: ${what} at ${this.endpoint}: ${this.text}`, details);
  }
}

const openings: Partial<Record<ErrorCode, string>> = {
  UNAVAILABLE: 'The store cannot be reached or has no leader',
  TIMEOUT: 'Timed out',
  OVERLOADED: 'The store asks for less load',
  NO_SPACE: 'The store is full; only deletes and reads work until space is made',
  UNAUTHENTICATED: 'The store does not accept who we are',
  PERMISSION_DENIED: 'The store does not permit this',
  TLS_FAILED: 'No TLS connection could be made',
  LEASE_NOT_FOUND: 'The lease has ended',
  COMPACTED: 'The store no longer keeps that revision',
  PROTOCOL_ERROR: 'The answer is not what an etcd gives',
};

function opening(code: ErrorCode): string {
  return openings[code] ?? 'The store refused';
}

/** A failure to connect: nothing was sent. */
export function connectFailure(endpoint: string, text: string, secure: boolean): Failure {
  const tls = secure && tlsTrouble.test(text);
  return new Failure(tls ? tlsFailed : unreachable, endpoint, text);
}

const unreachable: Meaning = { code: 'UNAVAILABLE', applied: 'no', remedy: 'other-endpoint' };
const tlsFailed: Meaning = { code: 'TLS_FAILED', applied: 'no', remedy: 'other-endpoint' };
const tlsTrouble = /certificate|self.signed|altname|\bssl|\btls|ERR_TLS|EPROTO|wrong version number|CERT_/i;
