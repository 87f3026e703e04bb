/** The command line of the demo. That it plays is for test/system/demo.test.ts, which runs it as a user does. */
import { describe, expect, it } from 'vitest';
import { wantsColour } from '../../../examples/demo/colours.js';
import { main } from '../../../examples/demo/main.js';
import { readOptions } from '../../../examples/demo/options.js';

interface Run {
  readonly code: number;
  readonly lines: readonly string[];
  readonly complaints: readonly string[];
}

async function run(args: readonly string[]): Promise<Run> {
  const lines: string[] = [];
  const complaints: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const complain = (line: string): void => void complaints.push(line);
  const { signal } = new AbortController();
  const code = await main({ args, colourful: false, readingMs: 0, signal, print, complain });
  return { code, lines, complaints };
}

describe('the demo', () => {
  it('explains itself on --help', async () => {
    const { code, lines } = await run(['--help']);
    expect(code).toBe(0);
    const text = lines.join('\n');
    expect(text).toContain('--store etcd://<host:port>');
    expect(text).toContain('--store consul://<host:port>');
    expect(text.split('\n').filter((line) => line.length > 88)).toEqual([]);
  });

  it.each([
    [['--bogus'], "Unknown option '--bogus'."],
    [['extra'], "Unexpected argument 'extra'."],
    [['--store'], "Option '--store <value>' argument missing."],
    [['--store', 'zk://x:1'], '--store must be "dev", "etcd://host:port[,host:port...]" or "consul://host:port".'],
    [['--store', 'etcd://'], '--store has "" where a host:port was expected.'],
    [['--store', 'etcd://a:1,b'], '--store has "b" where a host:port was expected.'],
    [['--store', 'etcd://a:65536'], '--store has "a:65536" where a host:port was expected.'],
    [['--store', 'etcd://u:secret@a:1'], '--store takes no user name or password: the demo is for an open etcd.'],
    [['--store', 'consul://'], '--store has "" where a host:port was expected.'],
    [
      ['--store', 'consul://a:1,b:2'],
      '--store takes one address of Consul: that of an agent, which knows the servers.',
    ],
    [['--store', 'consul://u:secret@a:1'], '--store takes no user name or password: the demo is for an open Consul.'],
    [['--ttl', '1'], '--ttl must be a whole number of seconds from 2 to 60.'],
    [['--ttl', '2.5'], '--ttl must be a whole number of seconds from 2 to 60.'],
    [['--ttl', '-5'], "Option '--ttl' argument is ambiguous."],
  ])('refuses %j in one sentence, with exit code 2', async (args, sentence) => {
    expect(await run(args)).toEqual({ code: 2, lines: [], complaints: [`${sentence} See --help.`] });
  });

  it('plays on coterie dev where no store is named', () => {
    const play = { kind: 'play', store: { kind: 'dev' }, ttlMs: 2_000 };
    expect([readOptions([]), readOptions(['--store', 'dev'])]).toEqual([play, play]);
  });

  it('takes several endpoints, by name, by IPv4 and by IPv6 address', () => {
    const options = readOptions(['--store', 'etcd://etcd-0.local:2379,127.0.0.1:2379,[::1]:2379']);
    const endpoints = ['http://etcd-0.local:2379', 'http://127.0.0.1:2379', 'http://[::1]:2379'];
    expect(options).toEqual({ kind: 'play', store: { kind: 'etcd', endpoints }, ttlMs: 2_000 });
  });

  it.each([
    [['--store', 'consul://[::1]:8500'], 10_000],
    [['--store', 'consul://[::1]:8500', '--ttl', '2'], 2_000],
    [['--store', 'consul://[::1]:8500/', '--ttl', '60'], 60_000],
  ])('takes %j: one agent of Consul, and sessions of %d ms', (args, ttlMs) => {
    const store = { kind: 'consul', address: 'http://[::1]:8500' };
    expect(readOptions(args)).toEqual({ kind: 'play', store, ttlMs });
  });

  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ])('with %j and a terminal: %s has colours: %s', (env, isTerminal, colourful) => {
    expect(wantsColour(env, isTerminal)).toBe(colourful);
  });
});
