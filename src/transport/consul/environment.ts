import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invalidOption } from '../../core/checks.js';
import type { TlsOptions } from '../../core/transport-options.js';
import { printable } from '../../errors.js';
import type { ConsulOptions } from './options.js';

/** Environment variables by name. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The options that the environment variables of the `consul` program stand for, so that a service is set up like it:
 * `consul({ ...environmentOptions(), ttlMs: 15_000 })`. Nothing reads the environment by itself.
 *
 * `CONSUL_HTTP_ADDR` (default `127.0.0.1:8500`), `CONSUL_HTTP_SSL`, `CONSUL_HTTP_TOKEN`, `CONSUL_HTTP_TOKEN_FILE`,
 * `CONSUL_CACERT`, `CONSUL_CAPATH`, `CONSUL_CLIENT_CERT`, `CONSUL_CLIENT_KEY`, `CONSUL_TLS_SERVER_NAME`,
 * `CONSUL_NAMESPACE`, `CONSUL_PARTITION`. Files are read at once, those of TLS only where the address is https.
 *
 * Throws `INVALID_OPTION` for a file that cannot be read, and for what is not supported: `CONSUL_HTTP_SSL_VERIFY=false`,
 * which would trust anybody, and `CONSUL_HTTP_AUTH`.
 */
export function environmentOptions(env: Environment = process.env): ConsulOptions {
  refuseUnsupported(env);
  const address = addressOf(env);
  const tls = address.startsWith('https:') ? tlsOf(env) : undefined;
  const token = tokenOf(env);
  const { CONSUL_NAMESPACE: namespace, CONSUL_PARTITION: partition } = env;
  return {
    address,
    ...(token && { token }),
    ...(tls && { tls }),
    ...(namespace && { namespace }),
    ...(partition && { partition }),
  };
}

/** As Go's own reading of truth does. */
const truths: readonly (string | undefined)[] = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const lies: readonly (string | undefined)[] = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

function refuseUnsupported(env: Environment): void {
  const { CONSUL_HTTP_SSL_VERIFY: verify, CONSUL_HTTP_AUTH: auth } = env;
  if (lies.includes(verify)) {
    const sentence = 'CONSUL_HTTP_SSL_VERIFY=false would trust anybody; name the authority in CONSUL_CACERT instead.';
    throw invalidOption('CONSUL_HTTP_SSL_VERIFY', sentence, 'unsupported');
  }
  if (auth) throw invalidOption('CONSUL_HTTP_AUTH', 'CONSUL_HTTP_AUTH is not supported; use a token.', 'unsupported');
}

/** With its scheme. Only `CONSUL_HTTP_SSL` or the address itself makes it https: certificates alone do not. */
function addressOf({ CONSUL_HTTP_ADDR, CONSUL_HTTP_SSL }: Environment): string {
  const address = CONSUL_HTTP_ADDR || '127.0.0.1:8500';
  const secure = truths.includes(CONSUL_HTTP_SSL);
  if (/^(?:unix:|[a-z]+:\/\/)/i.test(address)) return secure ? address.replace(/^http:/i, 'https:') : address;
  return `${secure ? 'https' : 'http'}://${address}`;
}

/** The file counts for more than the variable, as for the program. */
function tokenOf({ CONSUL_HTTP_TOKEN, CONSUL_HTTP_TOKEN_FILE }: Environment): string | undefined {
  const file = CONSUL_HTTP_TOKEN_FILE && fileAt(CONSUL_HTTP_TOKEN_FILE, 'CONSUL_HTTP_TOKEN_FILE').trim();
  return file || CONSUL_HTTP_TOKEN;
}

function tlsOf(env: Environment): TlsOptions | undefined {
  const { CONSUL_CACERT, CONSUL_CAPATH, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY, CONSUL_TLS_SERVER_NAME } = env;
  const ca = CONSUL_CACERT ? fileAt(CONSUL_CACERT, 'CONSUL_CACERT') : CONSUL_CAPATH && authoritiesAt(CONSUL_CAPATH);
  const tls = {
    ...(ca && { ca }),
    ...(CONSUL_CLIENT_CERT && { cert: fileAt(CONSUL_CLIENT_CERT, 'CONSUL_CLIENT_CERT') }),
    ...(CONSUL_CLIENT_KEY && { key: fileAt(CONSUL_CLIENT_KEY, 'CONSUL_CLIENT_KEY') }),
    ...(CONSUL_TLS_SERVER_NAME && { serverName: CONSUL_TLS_SERVER_NAME }),
  };
  return Object.keys(tls).length === 0 ? undefined : tls;
}

function authoritiesAt(folder: string): string {
  const name = 'CONSUL_CAPATH';
  const files = attempt(folder, name, () => readdirSync(folder));
  return files.map((file) => fileAt(join(folder, file), name)).join('\n');
}

function fileAt(path: string, name: string): string {
  return attempt(path, name, () => readFileSync(path, 'utf8'));
}

function attempt<T>(path: string, name: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException; // Of node:fs.
    throw invalidOption(name, `${name} names "${printable(path)}", which cannot be read: ${code}.`, 'unreadable');
  }
}
