/** The command line of the run. */
import { parseArgs } from 'node:util';

export interface DriveOptions {
  /** `dev`: an embedded server, started for the run. Else as the services take it. */
  readonly store: string;
  /** How long to drive the services at least. */
  readonly seconds: number;
  readonly ttlMs: number;
}

export const usage = `The example services, all together: driven, two of them killed, one paused past its lease

Usage: npm run example:microservices -- [--store <store>] [--seconds <n>] [--ttl <seconds>]

  --store dev                          the embedded server, started for this (the default)
  --store etcd://<host:port>[,...]     on etcd
  --store consul://<host:port>         on Consul, by way of one agent
  --seconds <n>                        how long to drive them at least: 1 to 3600, by
                                       default 30
  --ttl <seconds>                      how long leases live unrenewed: 2 to 60, by default
                                       3, on Consul 10; less than 10 there needs servers
                                       with a lower session_ttl_min
  --help                               this

Writes below /microservices/<random>/ only, and removes that at the end. Ends with 0 when
all that it checks was kept, with 1 when not, with 2 for a mistake on the command line.
`;

/** Throws a sentence for the user; undefined where help is asked for. */
export function readOptions(args: readonly string[]): DriveOptions | undefined {
  const text = { type: 'string' } as const;
  const options = { store: text, seconds: text, ttl: text, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) return undefined;
  const { store = 'dev' } = values;
  if (!/^(dev|etcd:\/\/[^/@]+\/?|consul:\/\/[^/@,]+\/?)$/.test(store)) {
    throw new Error('--store must be "dev", "etcd://host:port[,host:port...]" or "consul://host:port".');
  }
  const usualTtl = store.startsWith('consul') ? '10' : '3';
  const seconds = readNumber('--seconds', values.seconds ?? '30', 1, 3_600);
  return { store, seconds, ttlMs: readNumber('--ttl', values.ttl ?? usualTtl, 2, 60) * 1_000 };
}

function readNumber(flag: string, text: string, least: number, most: number): number {
  const number = /^\d{1,4}$/.test(text) ? Number(text) : -1;
  if (number >= least && number <= most) return number;
  throw new Error(`${flag} must be a whole number from ${least} to ${most}.`);
}
