/** Options that transports over a network have in common, with their checks. Each throws before anything is sent. */
import { checkInteger, checkKnown, checkText, checkTimeout, invalidOption } from './checks.js';

/** How to trust the servers, and how to show who we are. All PEM, as text or bytes. */
export interface TlsOptions {
  /** Certificates to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's certificate chain. With `key` or not at all. */
  readonly cert?: string | Uint8Array | undefined;
  /** The private key of `cert`. */
  readonly key?: string | Uint8Array | undefined;
  /** The name that server certificates must be made out to. Default: the host of the address. */
  readonly serverName?: string | undefined;
}

/** How calls are repeated that may be. */
export interface RetryOptions {
  /** Attempts of one call, the first one included, from 1. Default 5; on etcd 3 for each endpoint, at least 5. */
  readonly attempts?: number | undefined;
  /** Longest first wait, in milliseconds. Default 50. */
  readonly baseMs?: number | undefined;
  /** Longest wait of all, in milliseconds. Default 1,000. */
  readonly capMs?: number | undefined;
}

/** The same options with none left out. */
export type Resolved<O> = { readonly [name in keyof O]-?: Exclude<O[name], undefined> };

/** Refuses what is no {@link TlsOptions}, with `INVALID_OPTION` or `UNKNOWN_OPTION`. */
export function checkTls(tls: TlsOptions | undefined): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  checkKnown(tls, ['ca', 'cert', 'key', 'serverName'], 'tls');
  for (const name of ['ca', 'cert', 'key'] as const) {
    const pem: unknown = tls[name];
    if (pem === undefined || (typeof pem === 'string' && pem !== '') || pem instanceof Uint8Array) continue;
    throw invalidOption(`tls.${name}`, `tls.${name} must be PEM, as text or bytes.`, 'not-pem');
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalidOption('tls.cert', 'tls.cert and tls.key belong together: give both or neither.', 'half');
  }
  checkText(tls.serverName, 'tls.serverName', 'the name of a host');
  return tls;
}

/** Refuses what is no {@link RetryOptions}; fills in what was left out. */
export function resolveRetry(retry: RetryOptions = {}, defaultAttempts = 5): Resolved<RetryOptions> {
  checkKnown(retry, ['attempts', 'baseMs', 'capMs'], 'retry');
  const { attempts, baseMs, capMs } = retry;
  if (attempts !== undefined) checkInteger(attempts, 'retry.attempts', 1);
  checkTimeout(baseMs, 'retry.baseMs');
  checkTimeout(capMs, 'retry.capMs');
  return { attempts: attempts ?? defaultAttempts, baseMs: baseMs ?? 50, capMs: capMs ?? 1_000 };
}

/** Refuses times that are none, or that nobody knows; fills in what was left out. */
export function resolveTimes<T extends object>(given: T | undefined, defaults: Resolved<T>): Resolved<T> {
  checkKnown(given, Object.keys(defaults), 'timeouts');
  for (const [name, value] of Object.entries(given ?? {})) checkTimeout(value, `timeouts.${name}`);
  const set = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  // Every name of `given` was found among those of the defaults.
  return { ...defaults, ...(Object.fromEntries(set) as Partial<Resolved<T>>) };
}
