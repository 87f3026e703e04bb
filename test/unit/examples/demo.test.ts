/** The demo on the embedded store, from its command line to its exit code. */
import { describe, expect, it } from 'vitest';
import { wantsColour } from '../../../examples/demo/colours.js';
import { main } from '../../../examples/demo/main.js';
import { readOptions } from '../../../examples/demo/options.js';

interface Run {
  readonly code: number;
  readonly lines: readonly string[];
  readonly complaints: readonly string[];
}

interface RunOptions {
  readonly args?: readonly string[];
  readonly colourful?: boolean;
  /** Ends the demo at the first line with this in it. */
  readonly endAt?: string;
}

async function run({ args = [], colourful = false, endAt }: RunOptions): Promise<Run> {
  const stop = new AbortController();
  const lines: string[] = [];
  const complaints: string[] = [];
  const print = (line: string): void => {
    lines.push(line);
    if (endAt !== undefined && line.includes(endAt)) stop.abort(new Error('The demo was ended by a test.'));
  };
  const complain = (line: string): void => void complaints.push(line);
  const code = await main({ args, colourful, readingMs: 0, signal: stop.signal, print, complain });
  return { code, lines, complaints };
}

/** Where a line that fits stands, after the place given. */
function lineAfter(lines: readonly string[], from: number, pattern: RegExp): number {
  const at = lines.findIndex((line, i) => i > from && pattern.test(line));
  expect(at, `a line like ${pattern} after line ${from} of:\n${lines.join('\n')}`).toBeGreaterThan(from);
  return at;
}

describe('the demo', () => {
  it('ends within 20 s with exit code 0, and shows every scene in lines of 80 columns', {
    timeout: 25_000,
  }, async () => {
    const began = performance.now();
    const { code, lines, complaints } = await run({});
    expect({ code, complaints }).toEqual({ code: 0, complaints: [] });
    expect(performance.now() - began).toBeLessThan(20_000);
    let at = lineAfter(lines, 0, /ms {2}eve {3}joins .*rate=10/);
    at = lineAfter(lines, at, /adds .* the store has 5 +token \d+$/);
    at = lineAfter(lines, at, /demo {2}kills +ada, the leader/);
    at = lineAfter(lines, at, /ada {3}loses +the term \(SESSION_LOST\)/);
    at = lineAfter(lines, at, /bob {3}leads/);
    at = lineAfter(lines, at, /demo {2}pauses +cyd, the holder/);
    at = lineAfter(lines, at, /cyd {3}loses +the lock/);
    at = lineAfter(lines, at, /dan {3}holds +the lock; reads 55/);
    at = lineAfter(lines, at, /cyd {3}refused +to write, by its own hold \(SESSION_LOST\)/);
    at = lineAfter(lines, at, /cyd {3}refused +by the store/);
    at = lineAfter(lines, at, /eve {3}config +is now rate=25/);
    at = lineAfter(lines, at, /increments acknowledged +56 +the counter is 56/);
    lineAfter(lines, at, /All checks passed/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join('\n')).not.toContain('\u001b');
  });

  it('says why it ended, and ends with 130, when it is interrupted while a worker is paused', async () => {
    const { code, lines, complaints } = await run({ endAt: 'pauses' });
    expect(code).toBe(130);
    expect(complaints).toEqual(['The demo was ended by a test.']);
    expect(lines.join('\n')).not.toContain('Summary');
  });

  it('gives each worker a colour of its own where colours are wanted', async () => {
    const { lines } = await run({ colourful: true, endAt: 'from now on' });
    const colours = lines.flatMap((line) => /\[(\d+)m(?:ada|bob|cyd|dan|eve) /.exec(line)?.[1] ?? []);
    expect(new Set(colours).size).toBe(5);
  });

  it('explains itself on --help', async () => {
    const { code, lines } = await run({ args: ['--help'] });
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
    [['--store', 'zk://x:1'], '--store must be "memory", "etcd://host:port[,host:port...]" or "consul://host:port".'],
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
    expect(await run({ args })).toEqual({ code: 2, lines: [], complaints: [`${sentence} See --help.`] });
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
