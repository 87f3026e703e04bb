/** What the arguments of the command ask for. */

export interface DevArguments {
  readonly port: number;
  readonly host: string;
  readonly data: string | undefined;
}

export type Asked =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong'; readonly problem: string }
  | { readonly kind: 'dev'; readonly options: DevArguments };

function wrong(problem: string): Asked {
  return { kind: 'wrong', problem };
}

const flags = ['--port', '--host', '--data'];

/** Reads `--flag value` and `--flag=value`. Nothing is guessed: what is not known is said to be so. */
export function parse(args: readonly string[]): Asked {
  if (args.includes('--help') || args.includes('-h')) return { kind: 'help' };
  if (args.includes('--version')) return { kind: 'version' };
  const [command, ...rest] = args;
  if (command === undefined) return wrong('say what to do: "coterie dev".');
  if (command !== 'dev') return wrong(`there is no command "${command}"; there is "dev".`);
  const given = new Map<string, string>();
  for (let at = 0; at < rest.length; at++) {
    const [flag = '', inline] = splitFlag(rest[at] ?? '');
    if (!flags.includes(flag)) return wrong(`"${flag}" is not known; there are ${flags.join(', ')}.`);
    if (given.has(flag)) return wrong(`${flag} is given twice.`);
    const value = inline ?? rest[++at];
    if (value === undefined || value === '' || (inline === undefined && value.startsWith('--'))) {
      return wrong(`${flag} needs a value.`);
    }
    given.set(flag, value);
  }
  return devArguments(given);
}

function splitFlag(text: string): readonly [flag: string, inline?: string] {
  const at = text.indexOf('=');
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function devArguments(given: ReadonlyMap<string, string>): Asked {
  const port = given.get('--port') ?? '2379';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return wrong(`--port must be from 0 to 65535, not "${port}".`);
  const host = given.get('--host') ?? '127.0.0.1';
  return { kind: 'dev', options: { port: Number(port), host, data: given.get('--data') } };
}
