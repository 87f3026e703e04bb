/** Every example runs to its end and says what it is there to show. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';

interface Expected {
  readonly run: () => Promise<unknown>;
  /** What it prints, line by line. A number in it may be any number. */
  readonly lines: readonly string[];
}

const examples: Readonly<Record<string, Expected>> = {
  'quick-start.ts': {
    run: () => import('../../../examples/quick-start.js'),
    lines: ['held until the end of the block, with fencing token 5', 'node-1 leads', 'no longer the leader'],
  },
  'mutex.ts': {
    run: () => import('../../../examples/mutex.js'),
    lines: [
      'ada holds the lock: true',
      'bob gets it at once: false',
      'bob sees who has it: ada, for cleaning',
      'ada gives it back: true',
      'bob was in',
    ],
  },
  'election.ts': {
    run: () => import('../../../examples/election.js'),
    lines: ['leader: ada, at 10.0.0.1:8080', 'leader: bob', 'bob leads: true'],
  },
  'fencing.ts': {
    run: () => import('../../../examples/fencing.js'),
    lines: [
      'ada is told of her loss: SESSION_LOST',
      'bob holds the lock, by a greater token: true',
      "ada's own hold refuses: SESSION_LOST",
      'the store accepts her write: false',
      'the file server accepts her token: false',
    ],
  },
  'observe.ts': {
    run: () => import('../../../examples/observe.js'),
    lines: ['nobody leads', 'leader: db-1, read only', 'nobody leads'],
  },
  'watch-config.ts': {
    run: () => import('../../../examples/watch-config.js'),
    lines: ['now: rate=10', 'set to 25: true', 'changed: rate=25'],
  },
  'config-cache.ts': {
    run: () => import('../../../examples/config-cache.js'),
    lines: [
      'pool=5, from layers[0]',
      'refused: db.pool must be above 0',
      'The configuration of "/config/app" is not valid: the schema does not accept it, at "db.pool".',
      'still pool=5, state invalid',
      'pool: 5 -> 9',
      'now pool=9, state fresh',
      '"secret" is shown to nobody: {"path":"/config/app","revision":"4","state":"fresh","source":"store","value":{"db":{"pool":9,"password":"[redacted]"}}}',
    ],
  },
  'config-service.ts': {
    run: () => import('../../../examples/config-service.js'),
    lines: ['hello | hello | too many requests', 'good day | too many requests'],
  },
  'timeouts.ts': {
    run: () => import('../../../examples/timeouts.js'),
    lines: [
      'gave up: Timed out after 50 ms: waiting in line at "/locks/busy"',
      'gave up: the user has gone',
      'still in line: 0',
      'in time: true',
    ],
  },
};

afterEach(() => vi.restoreAllMocks());

/** Observers may leave out what passed too fast, so other lines may stand between. Numbers are not compared. */
function isInOrder(lines: readonly string[], printed: readonly string[]): boolean {
  const digits = (text: string) => text.replaceAll(/\d+(\.\d+)?/g, '#');
  const rest = printed.map(digits);
  return lines.map(digits).every((line) => {
    const at = rest.indexOf(line);
    rest.splice(0, at + 1);
    return at >= 0;
  });
}

describe('an example', () => {
  it.each(Object.entries(examples))('%s shows what it is for, and ends', async (_, { run, lines }) => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => {});
    await run();
    const printed = print.mock.calls.map((words) => words.join(' '));
    expect(isInOrder(lines, printed), `Missing, or not in order, in:\n${printed.join('\n')}`).toBe(true);
  });

  it('has a test, whichever it is', () => {
    const folder = fileURLToPath(new URL('../../../examples', import.meta.url));
    const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'demo.ts');
    expect(files.sort()).toEqual(Object.keys(examples).sort());
  });

  it('that prints its lines in another order would be noticed', () => {
    expect(isInOrder(['a', 'b'], ['a', 'x', 'b'])).toBe(true);
    expect(isInOrder(['a', 'b'], ['b', 'a'])).toBe(false);
    expect(isInOrder(['a', 'b'], ['a'])).toBe(false);
  });
});
