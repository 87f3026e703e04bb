/** The command line of the demo. */
import { parseArgs } from 'node:util';
import { type StoreChoice, usualTtlMs } from './stores.js';

export type DemoOptions =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly sentence: string }
  | PlayOptions;

export interface PlayOptions {
  readonly kind: 'play';
  readonly store: StoreChoice;
  /** The time to live of all sessions. */
  readonly ttlMs: number;
}

/** In seconds. etcd grants no less by default. */
const ttlLimits = { least: 2, most: 60 };

export const usage = `coterie demo: a lock, an election and a config under failures, in about ten seconds

Usage: npm run demo -- [--store <store>] [--ttl <seconds>]

  --store dev                          on coterie dev, which it starts in this process:
                                       nothing else is needed (the default)
  --store etcd://<host:port>[,...]     on etcd
  --store consul://<host:port>         on Consul, by way of one agent: its
                                       sessions live longer, so it takes 50 seconds
  --ttl <seconds>                      how long sessions live unrenewed: 2 to 60, by
                                       default 2, on Consul 10; less than 10 there needs
                                       servers with a lower session_ttl_min
  --help                               this

Writes below /demo/<random>/ only, and removes that at the end. Ends with 0 when all
that it checks was kept, with 1 when not, with 2 for a mistake on the command line.
Colours: NO_COLOR turns them off, FORCE_COLOR on.
`;

export function readOptions(args: readonly string[]): DemoOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        store: { type: 'string', default: 'dev' },
        ttl: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const store = readStore(values.store);
    return { kind: 'play', store, ttlMs: readTtl(values.ttl) ?? usualTtlMs[store.kind] };
  } catch (error) {
    // parseArgs says more than the first sentence, about things that this demo does not have.
    const [sentence = ''] = (error as Error).message.split(/\.\s/);
    return { kind: 'wrong', sentence: `${sentence.replace(/\.$/, '')}.` };
  }
}

function readTtl(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const { least, most } = ttlLimits;
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (seconds >= least && seconds <= most) return seconds * 1_000;
  throw new Error(`--ttl must be a whole number of seconds from ${least} to ${most}.`);
}

function readStore(store: string): StoreChoice {
  if (store === 'dev') return { kind: 'dev' };
  const [, kind, list = ''] = /^(etcd|consul):\/\/([^/]*)\/?$/.exec(store) ?? [];
  if (kind === 'etcd') return { kind, endpoints: readHosts(list, 'etcd') };
  if (kind === 'consul') return { kind, address: readAgent(list) };
  throw new Error('--store must be "dev", "etcd://host:port[,host:port...]" or "consul://host:port".');
}

function readAgent(list: string): string {
  const [address = '', ...others] = readHosts(list, 'Consul');
  if (others.length === 0) return address;
  throw new Error('--store takes one address of Consul: that of an agent, which knows the servers.');
}

function readHosts(list: string, name: string): readonly string[] {
  // What stands before an @ may be a password: it is not shown again.
  if (list.includes('@')) {
    throw new Error(`--store takes no user name or password: the demo is for an open ${name}.`);
  }
  const hosts = list.split(',');
  const bad = hosts.find((host) => !isHostAndPort(host));
  if (bad !== undefined) throw new Error(`--store has "${bad}" where a host:port was expected.`);
  return hosts.map((host) => `http://${host}`);
}

/** A name, an IPv4 address or an IPv6 address in brackets, and a port. */
function isHostAndPort(text: string): boolean {
  const [, port] = /^(?:[\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
