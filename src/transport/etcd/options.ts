import { checkKnown, checkTimeout } from '../../core/checks.js';
import { checkPath } from '../../core/keys.js';
import { CoordinationError, type ErrorCode } from '../../errors.js';
import { type Address, parseEndpoint } from './address.js';

/** How to trust the servers, and how to show who we are. All PEM, as text or bytes. */
export interface EtcdTlsOptions {
  /** Certificates to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's certificate chain. With `key` or not at all. */
  readonly cert?: string | Uint8Array | undefined;
  /** The private key of `cert`. */
  readonly key?: string | Uint8Array | undefined;
  /** The name that server certificates must be made out to. Default: the host of the endpoint. */
  readonly serverName?: string | undefined;
}

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

/** How calls are repeated that may be: see {@link EtcdOptions.retry}. */
export interface EtcdRetryOptions {
  /** Attempts of one call, the first one included, from 1. Default 3 for each endpoint, at least 5. */
  readonly attempts?: number | undefined;
  /** Longest first wait, in milliseconds. Default 50. */
  readonly baseMs?: number | undefined;
  /** Longest wait of all, in milliseconds. Default 1,000. */
  readonly capMs?: number | undefined;
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
  readonly tls?: EtcdTlsOptions | undefined;
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
  readonly retry?: EtcdRetryOptions | undefined;
}

/** What the options come to. */
export interface EtcdConfig {
  readonly addresses: readonly Address[];
  readonly tls: EtcdTlsOptions | undefined;
  readonly auth: EtcdAuthOptions | undefined;
  readonly namespace: string;
  readonly timeouts: { readonly [name in keyof EtcdTimeouts]-?: number };
  readonly retry: { readonly [name in keyof EtcdRetryOptions]-?: number };
}

const smallestKeepAliveMs = 5_000;

const known = ['endpoints', 'tls', 'auth', 'allowInsecureAuth', 'namespace', 'timeouts', 'retry'];

/** Checks the options; see {@link EtcdOptions} for the defaults. Throws before anything is sent or opened. */
export function resolveOptions(options: EtcdOptions): EtcdConfig {
  if (options === undefined) throw invalid('INVALID_OPTION', 'etcd', 'etcd needs options with at least "endpoints".');
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
    retry: checkRetry(addresses.length, options.retry),
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

function checkTls(tls: EtcdTlsOptions | undefined): EtcdTlsOptions | undefined {
  if (tls === undefined) return undefined;
  checkKnown(tls, ['ca', 'cert', 'key', 'serverName'], 'tls');
  for (const name of ['ca', 'cert', 'key'] as const) {
    const pem: unknown = tls[name];
    if (pem === undefined || (typeof pem === 'string' && pem !== '') || pem instanceof Uint8Array) continue;
    throw invalid('INVALID_OPTION', `tls.${name}`, `tls.${name} must be PEM, as text or bytes.`, 'not-pem');
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalid('INVALID_OPTION', 'tls.cert', 'tls.cert and tls.key belong together: give both or neither.', 'half');
  }
  if (tls.serverName !== undefined && (typeof tls.serverName !== 'string' || tls.serverName === '')) {
    throw invalid('INVALID_OPTION', 'tls.serverName', 'tls.serverName must be the name of a host.', 'not-a-name');
  }
  return tls;
}

function checkAuth(options: EtcdOptions, addresses: readonly Address[]): EtcdAuthOptions | undefined {
  const { auth, allowInsecureAuth } = options;
  if (allowInsecureAuth !== undefined && typeof allowInsecureAuth !== 'boolean') {
    throw invalid('INVALID_OPTION', 'allowInsecureAuth', 'allowInsecureAuth must be true or false.', 'not-a-boolean');
  }
  if (auth === undefined) return undefined;
  checkKnown(auth, ['username', 'password'], 'auth');
  for (const name of ['username', 'password'] as const) {
    const text: unknown = auth[name];
    if (typeof text === 'string' && text !== '') continue;
    throw invalid('INVALID_OPTION', `auth.${name}`, `auth.${name} must be text that is not empty.`, 'empty');
  }
  if (allowInsecureAuth !== true && addresses.some(({ exposed }) => exposed)) {
    const sentence =
      'A password would travel readable: use https endpoints and tls, or say allowInsecureAuth: true if nobody can listen.';
    throw invalid('INSECURE_CREDENTIALS', 'auth', sentence, 'plaintext');
  }
  return { username: auth.username, password: auth.password };
}

function checkTimeouts(timeouts: EtcdTimeouts = {}): EtcdConfig['timeouts'] {
  checkKnown(timeouts, ['callMs', 'connectMs', 'attemptMs', 'keepAliveMs', 'keepAliveTimeoutMs'], 'timeouts');
  for (const [name, value] of Object.entries(timeouts)) checkTimeout(value, `timeouts.${name}`);
  if (timeouts.keepAliveMs !== undefined && timeouts.keepAliveMs < smallestKeepAliveMs) {
    const sentence = `timeouts.keepAliveMs must be at least ${smallestKeepAliveMs}: etcd hangs up on clients that ping more often.`;
    throw invalid('INVALID_TIMEOUT', 'timeouts.keepAliveMs', sentence, 'out-of-range');
  }
  return {
    callMs: timeouts.callMs ?? 5_000,
    connectMs: timeouts.connectMs ?? 1_500,
    attemptMs: timeouts.attemptMs ?? 2_000,
    keepAliveMs: timeouts.keepAliveMs ?? 10_000,
    keepAliveTimeoutMs: timeouts.keepAliveTimeoutMs ?? 5_000,
  };
}

function checkRetry(endpoints: number, retry: EtcdRetryOptions = {}): EtcdConfig['retry'] {
  checkKnown(retry, ['attempts', 'baseMs', 'capMs'], 'retry');
  const { attempts, baseMs, capMs } = retry;
  if (attempts !== undefined && !(Number.isSafeInteger(attempts) && attempts >= 1)) {
    throw invalid('INVALID_OPTION', 'retry.attempts', 'retry.attempts must be an integer from 1.', 'out-of-range');
  }
  checkTimeout(baseMs, 'retry.baseMs');
  checkTimeout(capMs, 'retry.capMs');
  return { attempts: attempts ?? Math.max(5, 3 * endpoints), baseMs: baseMs ?? 50, capMs: capMs ?? 1_000 };
}
