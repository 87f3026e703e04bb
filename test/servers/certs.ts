import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunResult, run } from './run.js';
import { scratchDir } from './watchdog.js';

/** Paths of PEM files. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Certs {
  readonly dir: string;
  /** The authority's certificate; it signed all but selfSigned. */
  readonly ca: string;
  /** For localhost and 127.0.0.1. */
  readonly server: KeyPair;
  /** Its common name is "client". */
  readonly client: KeyPair;
  /** A server's, but for another host. */
  readonly wrongHost: KeyPair;
  /** A server's, over since yesterday. */
  readonly expired: KeyPair;
  /** For the right host, but signed by nobody the authority knows. */
  readonly selfSigned: KeyPair;
  /** One more client certificate; the common name is what etcd takes for the user. */
  clientFor(commonName: string): Promise<KeyPair>;
}

const OWN_HOSTS = 'DNS:localhost,IP:127.0.0.1';
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const DAY_MS = 86_400_000;

const CONFIG = `
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = authority
[authority]
dir = .
database = index.txt
new_certs_dir = .
serial = serial
certificate = ca.pem
private_key = ca-key.pem
default_md = sha256
policy = policy
unique_subject = no
copy_extensions = copy
[policy]
commonName = supplied
`;

async function openssl(dir: string, args: readonly string[]): Promise<void> {
  let result: RunResult;
  try {
    result = await run('openssl', args, { cwd: dir, timeoutMs: 30_000 });
  } catch (error) {
    throw new Error('the program openssl is missing; the TLS tests make their certificates with it', { cause: error });
  }
  if (result.code !== 0) throw new Error(`openssl ${args[0]} failed: ${result.stderr}`);
}

/** As openssl writes times: 20260131235959Z. */
function stamp(daysFromNow: number): string {
  const iso = new Date(Date.now() + daysFromNow * DAY_MS).toISOString();
  return `${iso.slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}

interface Leaf {
  readonly file: string;
  readonly commonName: string;
  /** subjectAltName; a client needs none. */
  readonly hosts?: string;
  readonly validDays?: readonly [from: number, to: number];
}

function pair(dir: string, file: string): KeyPair {
  return { cert: join(dir, `${file}.pem`), key: join(dir, `${file}-key.pem`) };
}

function extensions(hosts: string | undefined): string[] {
  // Servers are clients too: etcd's own gateway shows the server certificate to the server.
  const usage = hosts === undefined ? 'clientAuth' : 'serverAuth,clientAuth';
  const all = [`extendedKeyUsage=${usage}`, ...(hosts === undefined ? [] : [`subjectAltName=${hosts}`])];
  return all.flatMap((extension) => ['-addext', extension]);
}

async function issue(dir: string, { file, commonName, hosts, validDays = [-1, 30] }: Leaf): Promise<KeyPair> {
  const request = ['-config', 'openssl.cnf', '-subj', `/CN=${commonName}`, '-keyout', `${file}-key.pem`];
  await openssl(dir, ['req', '-new', ...EC_KEY, ...request, ...extensions(hosts), '-out', `${file}.csr`]);
  // The one command that takes both dates, also in old releases, and so can make an expired certificate.
  const dates = ['-startdate', stamp(validDays[0]), '-enddate', stamp(validDays[1])];
  const files = ['-in', `${file}.csr`, '-out', `${file}.pem`];
  await openssl(dir, ['ca', '-batch', '-notext', '-config', 'openssl.cnf', ...dates, ...files]);
  return pair(dir, file);
}

async function selfSign(dir: string, file: string, commonName: string, more: readonly string[]): Promise<KeyPair> {
  const files = ['-keyout', `${file}-key.pem`, '-out', `${file}.pem`];
  const subject = ['-config', 'openssl.cnf', '-subj', `/CN=${commonName}`, '-days', '30'];
  await openssl(dir, ['req', '-x509', ...EC_KEY, ...subject, ...files, ...more]);
  return pair(dir, file);
}

/** Makes an authority and certificates of every kind in a temporary directory. */
export async function makeCerts(): Promise<Certs> {
  const dir = scratchDir('certs');
  chmodSync(dir, 0o700);
  writeFileSync(join(dir, 'openssl.cnf'), CONFIG);
  writeFileSync(join(dir, 'index.txt'), '');
  writeFileSync(join(dir, 'serial'), '1000\n');
  const isCa = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const { cert: ca } = await selfSign(dir, 'ca', 'coterie test authority', isCa);
  const selfSigned = await selfSign(dir, 'self-signed', 'localhost', extensions(OWN_HOSTS));
  // One after the other: the authority keeps a database in files.
  const server = await issue(dir, { file: 'server', commonName: 'localhost', hosts: OWN_HOSTS });
  const client = await issue(dir, { file: 'client', commonName: 'client' });
  const wrongHost = await issue(dir, { file: 'wrong-host', commonName: 'other', hosts: 'DNS:other.invalid' });
  const validDays = [-3, -1] as const;
  const expired = await issue(dir, { file: 'expired', commonName: 'localhost', hosts: OWN_HOSTS, validDays });
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  const clientFor = (commonName: string): Promise<KeyPair> => {
    count += 1;
    const file = `client-${count}`;
    const next = last.then(() => issue(dir, { file, commonName }));
    last = next.catch(() => {});
    return next;
  };
  return { dir, ca, server, client, wrongHost, expired, selfSigned, clientFor };
}
