/** Every example runs to its end and says what it is there to show. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';

interface Expected {
  readonly run: () => Promise<unknown>;
  /** What it prints, line by line. A number in it may be any number. */
  readonly lines: readonly string[];
}

const examples: Readonly<Record<string, Expected>> = {
  'checkers.ts': {
    run: () => import('../../../examples/checkers.js'),
    lines: ['40 operations: linearizable', 'without one release: illegal'],
  },
  'quick-start.ts': {
    run: () => import('../../../examples/quick-start.js'),
    lines: ['held until the end of the block, with fencing token 5', 'node-1 leads', 'no longer the leader'],
  },
  'simulate.ts': {
    run: () => import('../../../examples/simulate.js'),
    lines: ['20 seeds, 1300 simulated seconds'],
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
  'read-write-lock.ts': {
    run: () => import('../../../examples/read-write-lock.js'),
    lines: [
      'bob may read while ada writes: false',
      'both read: ada read, bob read',
      'bob may write while ada reads: false',
      'bob may write when he is alone: true; he holds it to write',
      'ada reads what bob wrote',
    ],
  },
  'semaphore.ts': {
    run: () => import('../../../examples/semaphore.js'),
    lines: [
      'ada holds 2 of 3, 1 free',
      'bob gets 2 at once: false',
      'bob was in with 2',
      'after the limit shrank, ada still holds: true, 0 free',
      'ada gives them back: true',
      '1 free',
    ],
  },
  'multi-mutex.ts': {
    run: () => import('../../../examples/multi-mutex.js'),
    lines: [
      'from blue to red, then from red to blue',
      'ada gets both while bob has red: false',
      'ada gets both when he has not: true, with 2 guards',
    ],
  },
  'election.ts': {
    run: () => import('../../../examples/election.js'),
    lines: ['leader: ada, at 10.0.0.1:8080', 'leader: bob', 'bob leads: true'],
  },
  'barrier.ts': {
    run: () => import('../../../examples/barrier.js'),
    lines: [
      'the operator holds it up: true',
      'ada sees it: true',
      'the operator takes it down: true',
      'maintenance is over',
      'somebody works',
      'somebody works',
    ],
  },
  'double-barrier.ts': {
    run: () => import('../../../examples/double-barrier.js'),
    lines: [...Array(6).fill('in round 1'), 'nobody else came'],
  },
  'count-down-latch.ts': {
    run: () => import('../../../examples/count-down-latch.js'),
    lines: [
      'to be done: 3',
      'ada is done, 2 left',
      'bob is done, 1 left',
      'all is done',
      'closed again: true, to be done: 3',
    ],
  },
  'atomic-counter.ts': {
    run: () => import('../../../examples/atomic-counter.js'),
    lines: ['visits: 100', 'after a busy year: 1', 'set to 0 by ada: true', 'and by bob, who is late: false'],
  },
  'shared-value.ts': {
    run: () => import('../../../examples/shared-value.js'),
    lines: ['owners: ada and bob', 'rate: 10', 'rate: 20', 'the plan is gone'],
  },
  'sequence.ts': {
    run: () => import('../../../examples/sequence.js'),
    lines: ['ada: 1', 'bob: 11', 'ada: 2', 'ada, after a restart: 21', 'bob took 100 at once, all different: true'],
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
  'service-registry.ts': {
    run: () => import('../../../examples/service-registry.js'),
    lines: [
      'of six calls, ada has 4',
      'Error: bob does not answer',
      'ada answers',
      'ada is not well: bob it is, failed or not',
      'There is no instance of "/services/api" to pick: 1 known, 1 unhealthy.',
    ],
  },
  'grpc-resolver.ts': {
    run: () => import('../../../examples/grpc-resolver.js'),
    lines: ['answers come from ada and bob', 'ada has left: bob it is'],
  },
  'stm.ts': {
    run: () => import('../../../examples/stm.js'),
    lines: [
      'ada sends bob 30, in 2 attempts',
      '/acc/ada: 70',
      '/acc/bob: 45',
      'refused: not enough',
      'CONFLICT over /n',
    ],
  },
  'persistent-key.ts': {
    run: () => import('../../../examples/persistent-key.js'),
    lines: [
      'ada is up: true',
      'bob sees {"port":8081}',
      'back, as a later incarnation: true',
      'the earlier one was told of its end: true',
      'bob cannot have it: MEMBER_EXISTS',
      'taken down by ada: true',
    ],
  },
  'group.ts': {
    run: () => import('../../../examples/group.js'),
    lines: [
      'members: nobody; joined: nobody; left: nobody',
      'members: ada; joined: ada; left: nobody',
      'members: ada, bob; joined: bob; left: nobody',
      'members: bob; joined: nobody; left: ada',
      'bob leaves: true',
      'members: nobody; joined: nobody; left: bob',
    ],
  },
  'partitioner.ts': {
    run: () => import('../../../examples/partitioner.js'),
    lines: ['ada is alone: 12 shards', 'ada and bob: 7 and 5', 'bob is alone: 12 shards, ada 0'],
  },
  'queue.ts': {
    run: () => import('../../../examples/queue.js'),
    lines: [
      'put a second time, it is added again: false',
      'taken: ada, attempt 1',
      'attempt 1 failed',
      'attempt 2 failed',
      'undeliverable: bob',
      'still in the queue: 0',
    ],
  },
  'priority-queue.ts': {
    run: () => import('../../../examples/priority-queue.js'),
    lines: [
      'first: mend the roof, priority 9',
      'stop the leak (attempt 1)',
      'mend the roof (attempt 2)',
      'paint the fence (attempt 1)',
      'mow the lawn (attempt 1)',
    ],
  },
  'delay-queue.ts': {
    run: () => import('../../../examples/delay-queue.js'),
    lines: ['due now: nothing', 'water boils', 'tea is ready (attempt 1)', 'water boils (attempt 2)'],
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

  const folder = fileURLToPath(new URL('../../../examples/', import.meta.url));
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));

  it('has a test, whichever it is', () => {
    expect(files.filter((name) => name !== 'demo.ts').sort()).toEqual(Object.keys(examples).sort());
  });

  it.each(files)('%s is read at one look: it has at most 40 lines', (name) => {
    expect(readFileSync(`${folder}${name}`, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(40);
  });

  it('that prints its lines in another order would be noticed', () => {
    expect(isInOrder(['a', 'b'], ['a', 'x', 'b'])).toBe(true);
    expect(isInOrder(['a', 'b'], ['b', 'a'])).toBe(false);
    expect(isInOrder(['a', 'b'], ['a'])).toBe(false);
  });
});
