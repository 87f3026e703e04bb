/** The command line of the demo. */
import { parseArgs } from 'node:util';

export type DemoOptions =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly sentence: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 'etcd'; readonly endpoints: readonly string[] };

export const usage = `coterie demo: a lock, an election and a config under failures, in about ten seconds

Usage: npm run demo -- [--store <store>]

  --store memory                       all workers in this process, on the embedded
                                       store (the default)
  --store etcd://<host:port>[,...]     every worker a process of its own, on etcd
  --help                               this

Writes below /demo/<random>/ only, and removes that at the end. Ends with 0 when all
that it checks was kept, with 1 when not, with 2 for a mistake on the command line.
Colours: NO_COLOR turns them off, FORCE_COLOR on.
`;

export function readOptions(args: readonly string[]): DemoOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { store: { type: 'string', default: 'memory' }, help: { type: 'boolean', short: 'h', default: false } },
    });
    return values.help ? { kind: 'help' } : readStore(values.store);
  } catch (error) {
    // parseArgs says more than the first sentence, about things that this demo does not have.
    const [sentence = ''] = (error as Error).message.split('. ');
    return wrong(`${sentence.replace(/\.$/, '')}.`);
  }
}

function wrong(sentence: string): DemoOptions {
  return { kind: 'wrong', sentence };
}

function readStore(store: string): DemoOptions {
  if (store === 'memory') return { kind: 'memory' };
  const [, list] = /^etcd:\/\/([^/]*)\/?$/.exec(store) ?? [];
  if (list === undefined) return wrong('--store must be "memory" or "etcd://host:port[,host:port...]".');
  // What stands before an @ may be a password: it is not shown again.
  if (list.includes('@')) return wrong('--store takes no user name or password: the demo is for an open etcd.');
  const endpoints = list.split(',');
  const bad = endpoints.find((endpoint) => !isHostAndPort(endpoint));
  if (bad !== undefined) return wrong(`--store has "${bad}" where a host:port was expected.`);
  return { kind: 'etcd', endpoints: endpoints.map((endpoint) => `http://${endpoint}`) };
}

/** A name, an IPv4 address or an IPv6 address in brackets, and a port. */
function isHostAndPort(text: string): boolean {
  const [, port] = /^(?:[\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
