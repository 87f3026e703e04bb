import { type Address, AddressReader } from '../../core/address.js';
import { checkFlag, checkInteger, checkKnown, checkText, invalidOption } from '../../core/checks.js';
import {
  checkTls,
  type Resolved,
  type RetryOptions,
  resolveRetry,
  resolveTimes,
  type TlsOptions,
} from '../../core/transport-options.js';
import { CoordinationError } from '../../errors.js';

/** Gives the ACL token to send. Asked again when Consul no longer knows the last one. */
export type ConsulTokenSource = () => string | Promise<string>;

/** Times in milliseconds. */
export interface ConsulTimeouts {
  /** A call that names no time of its own. Default 5,000. */
  readonly callMs?: number | undefined;
  /** TCP and TLS. Never more than the call has left. Default 1,500. */
  readonly connectMs?: number | undefined;
  /**
   * One attempt of what may be repeated (reads, grants, renewals, revocations). A server without a leader answers only
   * after 7 seconds. Default 2,000.
   */
  readonly attemptMs?: number | undefined;
  /** How long a blocking query may stay open while nothing changes; from 1,000 to 55,000. Default 55,000. */
  readonly watchMs?: number | undefined;
  /**
   * How often to ask who leads the servers, while anything is watched: a query that waits at a leader that froze is never
   * answered, and made anew when there is another. Default 1,000.
   */
  readonly leaderMs?: number | undefined;
}

/** How leases are made, which Consul calls sessions. */
export interface ConsulSessionOptions {
  /**
   * For how long a key cannot be locked again, by anybody, after the session that held it has ended: from 0 to 60,000. It
   * is for holders that fence nothing. A waiting line has no use for it, since every ticket
   * is a key of its own, which is never locked twice. Default 0; Consul's own default is 15,000.
   */
  readonly lockDelayMs?: number | undefined;
  /**
   * Health checks of the node whose failure ends the session, as `serfHealth`. Default none: only the time to live counts,
   * so that a restarted agent, or gossip that fails for a moment, costs nobody a lock.
   */
  readonly checks?: readonly string[] | undefined;
  /**
   * The `session_ttl_min` that the servers were configured with, where it is not Consul's default: the shortest time to
   * live that may be asked for. From 1,000. Default 10,000.
   */
  readonly minTtlMs?: number | undefined;
}

/**
 * How many connections may be open at once. Consul closes what goes beyond `http_max_conns_per_client`, by default 200 for
 * each address that clients come from.
 */
export interface ConsulConnectionOptions {
  /** For everything but watches and sessions, which have four of their own; more calls wait for each other. Default 32. */
  readonly calls?: number | undefined;
  /**
   * For watches: each watched range has a blocking query on a connection of its own, as long as there are that many; from
   * there on ranges that lie close together share one. Default 32.
   */
  readonly watches?: number | undefined;
}

/** How to reach Consul. */
export interface ConsulOptions {
  /**
   * An agent or a server: `http://host:port`, `https://host:port`, `host:port` (port 8500 where none is given) or
   * `unix:///path`. Without a scheme, `tls` decides. By custom the agent on the same machine.
   */
  readonly address: string;
  /** An ACL token, or where to get one. Sent in a header, and nowhere else. */
  readonly token?: string | ConsulTokenSource | undefined;
  /** Sends a token over a connection without TLS that leaves this machine, where others can read it. Default false. */
  readonly allowInsecureAuth?: boolean | undefined;
  /** Default: none with `http` or no scheme, the system's certificates with `https`. */
  readonly tls?: TlsOptions | undefined;
  /** Default: the datacenter of the agent. */
  readonly datacenter?: string | undefined;
  /** Of Consul Enterprise. Default: that of the token. */
  readonly namespace?: string | undefined;
  /** Of Consul Enterprise. Default: that of the agent. */
  readonly partition?: string | undefined;
  readonly session?: ConsulSessionOptions | undefined;
  readonly connections?: ConsulConnectionOptions | undefined;
  readonly timeouts?: ConsulTimeouts | undefined;
  /**
   * Reads, grants, renewals and revocations are repeated after failures that pass. A commit is sent again only when
   * nothing of it can have been applied.
   */
  readonly retry?: RetryOptions | undefined;
}

/** What the options come to. */
export interface ConsulConfig {
  readonly address: Address;
  readonly token: ConsulTokenSource | undefined;
  readonly tls: TlsOptions | undefined;
  /** What every request says about where it is meant for. */
  readonly place: Readonly<Record<string, string>>;
  readonly session: Resolved<ConsulSessionOptions>;
  readonly connections: Resolved<ConsulConnectionOptions>;
  readonly timeouts: Resolved<ConsulTimeouts>;
  readonly retry: Resolved<RetryOptions>;
}

const known = [
  ...['address', 'token', 'allowInsecureAuth', 'tls', 'datacenter', 'namespace', 'partition'],
  ...['session', 'connections', 'timeouts', 'retry'],
];

const kind = { field: 'address', defaultPort: '8500', credentials: 'token' } as const;

/** Checks the options; see {@link ConsulOptions} for the defaults. Throws before anything is sent or opened. */
export function resolveOptions(options: ConsulOptions): ConsulConfig {
  if (options === undefined) throw invalidOption('consul', 'consul needs options with at least "address".');
  checkKnown(options, known, 'consul');
  const tls = checkTls(options.tls);
  const address = new AddressReader(kind, tls !== undefined).read(options.address);
  return {
    address,
    tls,
    token: checkToken(options, address),
    place: placeOf(options),
    session: resolveSession(options.session),
    connections: resolveConnections(options.connections),
    timeouts: resolveTimeouts(options.timeouts),
    retry: resolveRetry(options.retry),
  };
}

/** What a header may hold; anything else would be refused by Node with an error that shows the token. */
const tokenText = /^[\x21-\x7e]+$/;

/** Refuses what is no token, without showing it. */
export function checkTokenText(token: unknown): asserts token is string {
  if (typeof token === 'string' && tokenText.test(token)) return;
  throw invalidOption(
    'token',
    'token must be text without blanks or control characters, and not empty.',
    'not-a-token',
  );
}

function checkToken(options: ConsulOptions, address: Address): ConsulTokenSource | undefined {
  const { token, allowInsecureAuth } = options;
  checkFlag(allowInsecureAuth, 'allowInsecureAuth');
  if (token === undefined) return undefined;
  if (typeof token !== 'function') checkTokenText(token);
  if (allowInsecureAuth !== true && isExposed(address)) {
    const sentence =
      'A token would travel readable: use an https address, or say allowInsecureAuth: true if nobody can listen.';
    throw new CoordinationError('INSECURE_CREDENTIALS', sentence, { field: 'token', problem: 'plaintext' });
  }
  return typeof token === 'function' ? token : () => token;
}

/** Whether others on the network can read along. */
function isExposed({ secure, socketPath, host }: Address): boolean {
  if (secure || socketPath !== undefined) return false;
  return host !== 'localhost' && host !== '::1' && !/^127(?:\.\d{1,3}){3}$/.test(host);
}

function placeOf({ datacenter, namespace, partition }: ConsulOptions): Readonly<Record<string, string>> {
  checkText(datacenter, 'datacenter', 'the name of a datacenter');
  checkText(namespace, 'namespace', 'the name of a namespace');
  checkText(partition, 'partition', 'the name of a partition');
  return {
    ...(datacenter !== undefined && { dc: datacenter }),
    ...(namespace !== undefined && { ns: namespace }),
    ...(partition !== undefined && { partition }),
  };
}

const longestLockDelayMs = 60_000;
const shortestTtlMs = 1_000;
const usualMinTtlMs = 10_000;

function resolveSession(session: ConsulSessionOptions = {}): Resolved<ConsulSessionOptions> {
  checkKnown(session, ['lockDelayMs', 'checks', 'minTtlMs'], 'session');
  const { lockDelayMs = 0, checks = [], minTtlMs = usualMinTtlMs } = session;
  if (!(typeof lockDelayMs === 'number' && lockDelayMs >= 0 && lockDelayMs <= longestLockDelayMs)) {
    const sentence = `session.lockDelayMs must be from 0 to ${longestLockDelayMs}.`;
    throw invalidOption('session.lockDelayMs', sentence, 'out-of-range');
  }
  if (!Array.isArray(checks)) throw invalidOption('session.checks', 'session.checks must be an array.', 'not-an-array');
  for (const check of checks) checkText(check ?? '', 'session.checks', 'names of health checks');
  if (!(typeof minTtlMs === 'number' && minTtlMs >= shortestTtlMs && minTtlMs <= usualMinTtlMs)) {
    const sentence = `session.minTtlMs must be from ${shortestTtlMs} to ${usualMinTtlMs}, as the servers are configured.`;
    throw invalidOption('session.minTtlMs', sentence, 'out-of-range');
  }
  return { lockDelayMs, checks, minTtlMs };
}

function resolveConnections(connections: ConsulConnectionOptions = {}): Resolved<ConsulConnectionOptions> {
  checkKnown(connections, ['calls', 'watches'], 'connections');
  const { calls = 32, watches = 32 } = connections;
  checkInteger(calls, 'connections.calls', 1);
  checkInteger(watches, 'connections.watches', 1);
  return { calls, watches };
}

const watchLimits = { least: 1_000, most: 55_000 };

function resolveTimeouts(timeouts: ConsulTimeouts | undefined): Resolved<ConsulTimeouts> {
  const defaults = { callMs: 5_000, connectMs: 1_500, attemptMs: 2_000, watchMs: watchLimits.most, leaderMs: 1_000 };
  const times = resolveTimes(timeouts, defaults);
  if (times.watchMs >= watchLimits.least && times.watchMs <= watchLimits.most) return times;
  const sentence = `timeouts.watchMs must be from ${watchLimits.least} to ${watchLimits.most}.`;
  throw new CoordinationError('INVALID_TIMEOUT', sentence, { field: 'timeouts.watchMs', problem: 'out-of-range' });
}
