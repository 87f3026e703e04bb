/** Settings of a process: by flag (`--every-ms 500`), else by environment (`SHOP_EVERY_MS=500`), else as they are by default. */
import { parseArgs } from 'node:util';

export type Flags = Readonly<Record<string, string | number>>;

/** What is a number by default is a number; all else is text. */
type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends number ? number : string };

/** What a service is told: what every service takes, and what only it does. */
export type Settled<F extends Flags> = Values<typeof commonFlags> & Values<F>;

/** What every service takes. */
const commonFlags = {
  /** Tells this process from the others of its kind, in logs and in the store. */
  id: `p${process.pid}`,
  /** `etcd://host:port[,host:port...]` or `consul://host:port`. */
  store: 'etcd://127.0.0.1:2379',
  /** All keys of all services lie below this. */
  prefix: '/shop',
  /** How long what this process holds outlives it, in milliseconds. */
  'ttl-ms': 10_000,
  /** Where to listen for HTTP; 0 for any port. */
  port: 0,
  /** How long a graceful end may take, in milliseconds. What is left then is ended hard. */
  'grace-ms': 5_000,
} as const;

/** Throws where a flag is unknown, or a number is none. */
export function readFlags<F extends Flags>(
  flagsOfItsOwn: F,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Settled<F> {
  const defaults: Flags = { ...commonFlags, ...flagsOfItsOwn };
  const names = Object.keys(defaults);
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options });
  const read = (name: string): readonly [string, string | number] => {
    const usual = defaults[name] ?? '';
    const said = values[name] ?? env[`SHOP_${name.toUpperCase().replaceAll('-', '_')}`];
    if (typeof said !== 'string') return [name, usual];
    if (typeof usual === 'string') return [name, said];
    if (/^\d{1,9}$/.test(said)) return [name, Number(said)];
    throw new Error(`--${name} must be a whole number, got "${said}".`);
  };
  // Read by the very names and kinds that the type is made of.
  return Object.fromEntries(names.map(read)) as Settled<F>;
}
