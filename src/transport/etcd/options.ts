import { checkFlag, checkKnown, invalidOption } from '../../core/checks.js';
import { checkPath } from '../../core/keys.js';
import {
  checkTls,
  type Resolved,
  type RetryOptions,
  resolveRetry,
  resolveTimes,
  type TlsOptions,
} from '../../core/transport-options.js';
import { CoordinationError, type ErrorCode } from '../../errors.js';
import { type Address, parseEndpoint } from './address.js';

/** Who we are to a cluster with authentication enabled. */
export interface EtcdAuthOptions {
  readonly username: string;
  readonly password: string;
}

/** Times in milliseconds. */
export interface EtcdTimeouts {
  /** A call that names no time of its own. Default 5,000. */
  readonly callMs?: number | undefined;
  /**
   * TCP, TLS and the first HTTP/2 frame of one endpoint, before the next endpoint is tried. Never more than the call has
   * left. Default 1,500.
   */
  readonly connectMs?: number | undefined;
  /**
   * One attempt of what may be repeated (reads, grants, renewals, revocations), and the silence of a stream that owes an
   * answer, before the next endpoint is tried. Default 2,000.
   */
  readonly attemptMs?: number | undefined;
  /** Between pings on a connection with calls open. From 5,000, below which etcd hangs up. Default 10,000. */
  readonly keepAliveMs?: number | undefined;
  /** How long a ping may stay unanswered before the connection counts as dead. Default 5,000. */
  readonly keepAliveTimeoutMs?: number | undefined;
}

/** How to reach an etcd cluster. */
export interface EtcdOptions {
  /**
   * The members: `host:port`, `http://host:port`, `https://host:port` (port 2379 where none is given) or
   * `unix:///path`. Without a scheme, `tls` decides. One is used at a time, chosen at random at first; when it fails, the
   * one whose last failure is longest ago takes its place.
   */
  readonly endpoints: string | readonly string[];
  /** Default: none with `http` or no scheme, the system's certificates with `https`. */
  readonly tls?: TlsOptions | undefined;
  readonly auth?: EtcdAuthOptions | undefined;
  /** Sends a password over connections without TLS, where others can read it. Default false. */
  readonly allowInsecureAuth?: boolean | undefined;
  /**
   * Put before every key, and taken off again: this client sees nothing else. A path like `/app`, without a final `/`: the
   * key `/x` is stored as `/app/x`. With a namespace every key must begin with `/`, so that `/app` and `/app2` never mix;
   * others are refused with `INVALID_KEY`. Default: none.
   */
  readonly namespace?: string | undefined;
  readonly timeouts?: EtcdTimeouts | undefined;
  /**
   * Reads, grants and revocations are repeated after failures that pass. A commit is sent again only when nothing of it
   * can have been applied.
   */
  readonly retry?: RetryOptions | undefined;
}

/** What the options come to. */
export interface EtcdConfig {
  readonly addresses: readonly Address[];
  readonly tls: TlsOptions | undefined;
  readonly auth: EtcdAuthOptions | undefined;
  readonly namespace: string;
  readonly timeouts: Resolved<EtcdTimeouts>;
  readonly retry: Resolved<RetryOptions>;
}

const smallestKeepAliveMs = 5_000;

const known = ['endpoints', 'tls', 'auth', 'allowInsecureAuth', 'namespace', 'timeouts', 'retry'];

/** Checks the options; see {@link EtcdOptions} for the defaults. Throws before anything is sent or opened. */
export function resolveOptions(options: EtcdOptions): EtcdConfig {
  if (options === undefined) throw invalidOption('etcd', 'etcd needs options with at least "endpoints".');
  checkKnown(options, known, 'etcd');
  const tls = checkTls(options.tls);
  const addresses = checkEndpoints(options.endpoints, tls !== undefined);
  if (options.namespace !== undefined) checkPath(options.namespace);
  return {
    addresses,
    tls,
    auth: checkAuth(options, addresses),
    namespace: options.namespace ?? '',
    timeouts: checkTimeouts(options.timeouts),
    retry: resolveRetry(options.retry, Math.max(5, 3 * addresses.length)),
  };
}

function invalid(code: ErrorCode, field: string, sentence: string, problem = 'invalid'): CoordinationError {
  return new CoordinationError(code, sentence, { field, problem });
}

function checkEndpoints(endpoints: unknown, tls: boolean): readonly Address[] {
  const list: readonly unknown[] = Array.isArray(endpoints) ? endpoints : [endpoints];
  if (endpoints === undefined || list.length === 0) {
    throw invalid(
      'INVALID_ENDPOINT',
      'endpoints',
      'Give at least one endpoint, like "http://127.0.0.1:2379".',
      'empty',
    );
  }
  const addresses = list.map((endpoint) => parseEndpoint(endpoint, tls));
  return addresses.filter(({ target }, at) => addresses.findIndex((other) => other.target === target) === at);
}

function checkAuth(options: EtcdOptions, addresses: readonly Address[]): EtcdAuthOptions | undefined {
  const { auth, allowInsecureAuth } = options;
  checkFlag(allowInsecureAuth, 'allowInsecureAuth');
  if (auth === undefined) return undefined;
  checkKnown(auth, ['username', 'password'], 'auth');
  for (const name of ['username', 'password'] as const) {
    const text: unknown = auth[name];
    if (typeof text === 'string' && text !== '') continue;
    throw invalidOption(`auth.${name}`, `auth.${name} must be text that is not empty.`, 'empty');
  }
  if (allowInsecureAuth !== true && addresses.some(({ exposed }) => exposed)) {
    const sentence =
      'A password would travel readable: use https endpoints and tls, or say allowInsecureAuth: true if nobody can listen.';
    throw invalid('INSECURE_CREDENTIALS', 'auth', sentence, 'plaintext');
  }
  return { username: auth.username, password: auth.password };
}

function checkTimeouts(timeouts: EtcdTimeouts | undefined): EtcdConfig['timeouts'] {
  const times = resolveTimes(timeouts, {
    callMs: 5_000,
    connectMs: 1_500,
    attemptMs: 2_000,
    keepAliveMs: 10_000,
    keepAliveTimeoutMs: 5_000,
  });
  if (times.keepAliveMs >= smallestKeepAliveMs) return times;
  const sentence = `timeouts.keepAliveMs must be at least ${smallestKeepAliveMs}: etcd hangs up on clients that ping more often.`;
  throw invalid('INVALID_TIMEOUT', 'timeouts.keepAliveMs', sentence, 'out-of-range');
}
