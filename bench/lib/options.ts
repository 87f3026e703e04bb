import { parseArgs } from 'node:util';

export interface Options {
  readonly json: boolean;
  readonly gate: boolean;
  readonly help: boolean;
  /** The benches to run; undefined for all. */
  readonly only: readonly string[] | undefined;
  /** Undefined: start an etcd. */
  readonly endpoints: readonly string[] | undefined;
  /** Undefined: start a Consul. */
  readonly consul: string | undefined;
  readonly seconds: number;
  /** Whether the etcd that is started waits for the disk. */
  readonly fsync: boolean;
}

export const usage = `Usage: npm run bench -- [--json] [--gate] [--only name,...] [--endpoints url,...] [--consul url]
                        [--seconds N] [--no-fsync]

  --json       one line of JSON for each figure, nothing else, on stdout
  --gate       exit status 1 when a figure misses its gate
  --only       only these benches
  --endpoints  an etcd that runs already; else one is started, from what scripts/servers brings
  --consul     a Consul that runs already; else one is started, likewise
  --seconds    how long each bench measures, about (default 5)
  --no-fsync   the etcd that is started does not wait for the disk, which leaves the client the larger share;
               of no meaning for Consul, which always waits
`;

const defaultSeconds = 5;

/** Reads the command line. Throws, with a sentence for its user, what it cannot make sense of. */
export function parseOptions(args: readonly string[], names: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      gate: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      endpoints: { type: 'string' },
      consul: { type: 'string' },
      seconds: { type: 'string' },
      'no-fsync': { type: 'boolean', default: false },
    },
  });
  const { json, gate, help, consul } = values;
  const only = listOf(values.only);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`There is no bench "${unknown}". There are: ${names.join(', ')}.`);
  const endpoints = listOf(values.endpoints);
  const seconds = secondsOf(values.seconds);
  return { json, gate, help, only, endpoints, consul, seconds, fsync: !values['no-fsync'] };
}

function listOf(text: string | undefined): readonly string[] | undefined {
  const parts = text?.split(',').map((part) => part.trim());
  return parts?.filter((part) => part !== '');
}

function secondsOf(text: string | undefined): number {
  const seconds = text === undefined ? defaultSeconds : Number(text);
  if (seconds > 0 && seconds <= 600) return seconds;
  throw new Error(`--seconds takes a number above 0 and up to 600, not "${text}".`);
}
