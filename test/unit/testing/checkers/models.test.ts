import { describe, expect, it } from 'vitest';
import {
  type CounterInput,
  checkLinearizable,
  counterModel,
  fencedMutexModel,
  type LeasedQueueInput,
  type LockInput,
  leasedQueueModel,
  type Model,
  mutexModel,
  type Operation,
  type QueueInput,
  queueModel,
  type ReadWriteInput,
  type RegisterInput,
  readWriteLockModel,
  registerModel,
  type SemaphoreInput,
  semaphoreModel,
} from '../../../../src/testing/index.js';
import { isLinearizableByDefinition } from './brute-force.js';
import { done, failed, unsure } from './histories.js';

type Cases<I, O> = Readonly<Record<string, readonly Operation<I, O>[]>>;

/** Every case is also held against the definition, so that a slip in a case is no slip in the checker. */
function holds<S, I, O>(
  model: Model<S, I, O>,
  cases: { readonly legal: Cases<I, O>; readonly illegal: Cases<I, O> },
): void {
  describe(model.name, () => {
    for (const [verdict, list] of [
      ['linearizable', cases.legal],
      ['illegal', cases.illegal],
    ] as const) {
      it.each(Object.entries(list))(`${verdict}: %s`, (_name, history) => {
        expect(checkLinearizable(history, model).verdict).toBe(verdict);
        expect(isLinearizableByDefinition(history, model)).toBe(verdict === 'linearizable');
      });
    }
  });
}

const lock = (op: LockInput['op'], owner: string): LockInput => ({ op, owner });

holds<string, LockInput, boolean>(mutexModel(), {
  legal: {
    'one after the other': [
      done(0, 1, lock('acquire', 'a'), true),
      done(2, 3, lock('release', 'a'), true),
      done(4, 5, lock('acquire', 'b'), true),
    ],
    'acquired while the release is under way': [
      done(0, 1, lock('acquire', 'a'), true),
      done(2, 9, lock('release', 'a'), true),
      done(3, 4, lock('acquire', 'b'), true),
    ],
    'free by the death of the holder': [
      done(0, 1, lock('acquire', 'a'), true),
      done(2, 2, lock('expire', 'a'), true),
      done(3, 4, lock('acquire', 'b'), true),
      done(5, 6, lock('release', 'a'), false),
    ],
    'a release of unknown outcome, which took effect': [
      done(0, 1, lock('acquire', 'a'), true),
      unsure(2, lock('release', 'a')),
      done(5, 6, lock('acquire', 'b'), true),
    ],
    'an acquire that failed': [failed(0, 1, lock('acquire', 'a')), done(2, 3, lock('acquire', 'b'), true)],
    'busy while held; another lock is free': [
      done(0, 1, lock('acquire', 'a'), true),
      done(2, 3, lock('acquire', 'b'), false),
      done(2, 3, { ...lock('acquire', 'b'), key: 'other' }, true),
    ],
  },
  illegal: {
    'two holders': [done(0, 1, lock('acquire', 'a'), true), done(2, 3, lock('acquire', 'b'), true)],
    reentrant: [done(0, 1, lock('acquire', 'a'), true), done(2, 3, lock('acquire', 'a'), true)],
    'the release came after': [
      done(0, 1, lock('acquire', 'a'), true),
      done(2, 3, lock('acquire', 'b'), true),
      unsure(4, lock('release', 'a')),
    ],
    'busy while free': [done(0, 1, lock('acquire', 'a'), false)],
    'released by another': [done(0, 1, lock('acquire', 'a'), true), done(2, 3, lock('release', 'b'), true)],
    'a release that failed and is taken for done': [
      done(0, 1, lock('acquire', 'a'), true),
      failed(2, 3, lock('release', 'a')),
      done(4, 5, lock('acquire', 'b'), true),
    ],
  },
});

holds<unknown, LockInput, bigint | boolean>(fencedMutexModel() as Model<unknown, LockInput, bigint | boolean>, {
  legal: {
    'tokens grow': [
      done(0, 1, lock('acquire', 'a'), 5n),
      done(2, 3, lock('release', 'a'), true),
      done(4, 5, lock('acquire', 'b'), 9n),
    ],
    'one between them that nobody saw': [
      done(0, 1, lock('acquire', 'a'), 5n),
      done(2, 3, lock('release', 'a'), true),
      unsure(4, lock('acquire', 'b')),
      unsure(4, lock('expire', 'b')),
      done(6, 7, lock('acquire', 'c'), 7n),
    ],
  },
  illegal: {
    'a token again': [
      done(0, 1, lock('acquire', 'a'), 5n),
      done(2, 3, lock('release', 'a'), true),
      done(4, 5, lock('acquire', 'b'), 5n),
    ],
    'two holders, with tokens that grow': [done(0, 1, lock('acquire', 'a'), 5n), done(2, 3, lock('acquire', 'b'), 6n)],
    'no room for the token that nobody saw': [
      done(0, 1, lock('acquire', 'a'), 5n),
      unsure(2, lock('acquire', 'b')),
      done(2, 3, lock('expire', 'a'), true),
      done(4, 5, lock('expire', 'b'), true),
      done(6, 7, lock('acquire', 'c'), 6n),
    ],
  },
});

const permits = (op: LockInput['op'], owner: string, count?: number): SemaphoreInput => {
  return count === undefined ? { op, owner } : { op, owner, permits: count };
};

holds<unknown, SemaphoreInput, boolean>(semaphoreModel(3) as Model<unknown, SemaphoreInput, boolean>, {
  legal: {
    'up to the limit, by weight': [
      done(0, 1, permits('acquire', 'a', 2), true),
      done(2, 3, permits('acquire', 'b'), true),
      done(4, 5, permits('acquire', 'c'), false),
      done(6, 7, permits('release', 'a', 1), true),
      done(8, 9, permits('acquire', 'c'), true),
    ],
    'all of a dead owner': [
      done(0, 1, permits('acquire', 'a', 3), true),
      done(2, 3, permits('expire', 'a'), true),
      done(4, 5, permits('acquire', 'b', 3), true),
    ],
  },
  illegal: {
    'one too many': [done(0, 1, permits('acquire', 'a', 2), true), done(2, 3, permits('acquire', 'b', 2), true)],
    'released what another has': [
      done(0, 1, permits('acquire', 'a'), true),
      done(0, 1, permits('acquire', 'b'), true),
      done(2, 3, permits('release', 'a', 2), true),
    ],
    'refused while there are enough': [done(0, 1, permits('acquire', 'a', 3), false)],
  },
});

const rw = (op: ReadWriteInput['op'], owner: string): ReadWriteInput => ({ op, owner });

holds<unknown, ReadWriteInput, boolean>(readWriteLockModel() as Model<unknown, ReadWriteInput, boolean>, {
  legal: {
    'readers together, a writer alone': [
      done(0, 1, rw('read', 'a'), true),
      done(2, 3, rw('read', 'b'), true),
      done(4, 5, rw('write', 'c'), false),
      done(6, 7, rw('release', 'a'), true),
      done(6, 7, rw('expire', 'b'), true),
      done(8, 9, rw('write', 'c'), true),
    ],
  },
  illegal: {
    'a writer beside a reader': [done(0, 1, rw('read', 'a'), true), done(2, 3, rw('write', 'b'), true)],
    'a reader beside a writer': [done(0, 1, rw('write', 'a'), true), done(2, 3, rw('read', 'b'), true)],
    'two writers': [done(0, 1, rw('write', 'a'), true), done(2, 3, rw('write', 'b'), true)],
    'a reader that became the writer': [done(0, 1, rw('read', 'a'), true), done(2, 3, rw('write', 'a'), true)],
  },
});

type Value = number | boolean | undefined;
const read: RegisterInput<number> = { op: 'read' };
const write = (value: number): RegisterInput<number> => ({ op: 'write', value });
const cas = (from: number, to: number): RegisterInput<number> => ({ op: 'cas', from, to });

holds<number, RegisterInput<number>, Value>(registerModel(0), {
  legal: {
    'a read during a write sees either': [done(0, 9, write(1), undefined), done(1, 2, read, 0), done(3, 4, read, 1)],
    'a write of what is there, needed later': [
      done(0, 30, write(0), undefined),
      done(1, 2, write(1), undefined),
      done(3, 4, read, 1),
      done(5, 6, read, 0),
    ],
    'a swap of unknown outcome took effect': [unsure(0, cas(0, 1)), done(5, 6, read, 0), done(7, 8, read, 1)],
    'a call and a return at one moment overlap': [done(0, 5, write(1), undefined), done(5, 6, read, 0)],
    'a swap that did not fit': [done(0, 1, cas(3, 4), false), done(2, 3, read, 0)],
  },
  illegal: {
    'a stale read': [done(0, 1, write(1), undefined), done(2, 3, read, 0)],
    'the new value, and then the old one': [done(0, 9, write(1), undefined), done(1, 2, read, 1), done(3, 4, read, 0)],
    'a lost update': [done(0, 5, cas(0, 1), true), done(0, 5, cas(0, 2), true)],
    'an effect before the call': [done(0, 1, read, 1), unsure(2, write(1))],
    'a swap that fitted and did not': [done(0, 1, cas(0, 1), false)],
    'an unknown write that came twice': [
      unsure(0, write(1)),
      done(1, 2, read, 1),
      done(3, 4, write(2), undefined),
      done(5, 6, read, 1),
    ],
  },
});

const add = (amount: number | bigint): CounterInput => ({ op: 'add', amount });

holds<bigint, CounterInput, number | bigint | undefined>(counterModel(10), {
  legal: {
    'sums, of numbers and bigints': [
      done(0, 1, add(2), undefined),
      done(2, 3, add(-5n), 7),
      done(4, 5, { op: 'read' }, 7n),
    ],
  },
  illegal: {
    'an addition lost': [done(0, 1, add(1), undefined), done(2, 3, { op: 'read' }, 10)],
    'two with one sum': [done(0, 5, add(1), 11), done(0, 5, add(1), 11)],
    'no answer to a read': [done(0, 1, { op: 'read' }, undefined)],
  },
});

const put = (item: number): QueueInput<number> => ({ op: 'put', item });
const take: QueueInput<number> = { op: 'take' };

holds<readonly number[], QueueInput<number>, number | undefined>(queueModel<number>(), {
  legal: {
    'first in, first out, then empty': [
      done(0, 1, put(1), undefined),
      done(2, 3, put(2), undefined),
      done(4, 5, take, 1),
      done(6, 7, take, 2),
      done(8, 9, take, undefined),
    ],
    'puts that overlap, in either order': [
      done(0, 5, put(1), undefined),
      done(0, 5, put(2), undefined),
      done(6, 7, take, 2),
    ],
    'gone with a take of unknown outcome': [
      done(0, 1, put(1), undefined),
      unsure(2, take),
      done(3, 4, take, undefined),
    ],
  },
  illegal: {
    'out of order': [done(0, 1, put(1), undefined), done(2, 3, put(2), undefined), done(4, 5, take, 2)],
    'taken twice': [done(0, 1, put(1), undefined), done(2, 3, take, 1), done(4, 5, take, 1)],
    'empty while it is not': [done(0, 1, put(1), undefined), done(2, 3, take, undefined)],
    'never put': [done(0, 1, take, 1)],
  },
});

const claim = (consumer: string): LeasedQueueInput<number> => ({ op: 'claim', consumer });
const ack = (item: number, consumer: string): LeasedQueueInput<number> => ({ op: 'ack', item, consumer });
const giveBack = (item: number, consumer: string): LeasedQueueInput<number> => ({ op: 'release', item, consumer });
const offer = (item: number): LeasedQueueInput<number> => ({ op: 'put', item });

holds<unknown, LeasedQueueInput<number>, number | boolean | undefined>(
  leasedQueueModel<number>() as Model<unknown, LeasedQueueInput<number>, number | boolean | undefined>,
  {
    legal: {
      'claimed and done with': [
        done(0, 1, offer(1), undefined),
        done(2, 3, claim('a'), 1),
        done(4, 5, ack(1, 'a'), true),
        done(6, 7, claim('b'), undefined),
      ],
      'a claim that ran out is given to another, and is no longer worth anything': [
        done(0, 1, offer(1), undefined),
        done(2, 3, claim('a'), 1),
        done(4, 5, claim('b'), 1),
        done(6, 7, ack(1, 'a'), false),
        done(8, 9, ack(1, 'b'), true),
      ],
      'given back, and out again before later ones': [
        done(0, 1, offer(1), undefined),
        done(0, 1, offer(2), undefined),
        done(2, 3, claim('a'), 1),
        done(4, 5, giveBack(1, 'a'), true),
        done(6, 7, claim('b'), 1),
      ],
    },
    illegal: {
      'given out again after it was done': [
        done(0, 1, offer(1), undefined),
        done(2, 3, claim('a'), 1),
        done(4, 5, ack(1, 'a'), true),
        done(6, 7, claim('b'), 1),
      ],
      'done by one whose claim went to another': [
        done(0, 1, offer(1), undefined),
        done(2, 3, claim('a'), 1),
        done(4, 5, claim('b'), 1),
        done(6, 7, ack(1, 'a'), true),
      ],
      'empty while one was given back': [
        done(0, 1, offer(1), undefined),
        done(2, 3, claim('a'), 1),
        done(4, 5, giveBack(1, 'a'), true),
        done(6, 7, claim('b'), undefined),
      ],
      'a later one before one that nobody has': [
        done(0, 1, offer(1), undefined),
        done(2, 3, offer(2), undefined),
        done(4, 5, claim('a'), 2),
      ],
    },
  },
);
