import { expect, test } from 'vitest';
import { Batches } from '../../../src/core/batches.js';
import { openScope, sleep } from '../../../src/core/signals.js';
import { settle, VirtualClock } from '../../../src/testing/virtual-clock.js';
import { watched } from '../recipes/world.js';

/** Batches of which each takes 100 ms, and doubles what it is given. */
function doubling() {
  const clock = new VirtualClock();
  const done: number[][] = [];
  const batches = new Batches<number, number>(clock, async (items, scope) => {
    await sleep(clock, 100, scope);
    done.push([...items]);
    if (items.includes(13)) throw new Error('not thirteen');
    return items.map((item) => item * 2);
  });
  const submit = (item: number, signal?: AbortSignal) => {
    const scope = openScope(clock, { signal }, 'a test');
    return watched(batches.submit(item, scope).finally(() => scope[Symbol.dispose]()));
  };
  return { clock, done, submit };
}

test('whoever comes while a batch is under way is in the next one, and each has its own result', async () => {
  const { clock, done, submit } = doubling();
  const calls = [1, 2, 3].map((item) => submit(item));
  await clock.advance(1_000);
  expect(calls).toMatchObject([{ value: 2 }, { value: 4 }, { value: 6 }]);
  expect(done).toEqual([[1], [2, 3]]);
  const late = submit(4);
  await clock.advance(1_000);
  expect(late).toMatchObject({ value: 8 });
});

test('a batch that fails fails for its own callers only', async () => {
  const { clock, submit } = doubling();
  const calls = [submit(1), submit(13), submit(2)];
  await clock.advance(150);
  const next = submit(3);
  await clock.advance(1_000);
  expect(calls.map(({ outcome }) => outcome)).toEqual(['resolved', 'rejected', 'rejected']);
  expect(next).toMatchObject({ value: 6 });
});

test('who gives up before its batch began is not in it', async () => {
  const { clock, done, submit } = doubling();
  const aborter = new AbortController();
  submit(1);
  const second = submit(2, aborter.signal);
  submit(3);
  await clock.advance(50);
  aborter.abort(new Error('enough'));
  await clock.advance(1_000);
  expect(second).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
  expect(done).toEqual([[1], [3]]);
});

test('a batch goes on while anybody waits for it, and ends when nobody does', async () => {
  const { clock, done, submit } = doubling();
  const [one, other] = [new AbortController(), new AbortController()];
  submit(1);
  const calls = [submit(2, one.signal), submit(3, other.signal)];
  await clock.advance(150);
  one.abort(new Error('one'));
  await settle();
  expect(calls.map(({ outcome }) => outcome)).toEqual(['rejected', 'pending']);
  other.abort(new Error('other'));
  await settle();
  expect(calls[1]?.outcome).toBe('rejected');
  expect(clock.pending).toBe(0);
  const next = submit(4);
  await clock.advance(1_000);
  expect(next).toMatchObject({ value: 8 });
  expect(done).toEqual([[1], [4]]);
});

test('what is aborted already is not submitted', async () => {
  const { clock, done, submit } = doubling();
  const call = submit(1, AbortSignal.abort(new Error('enough')));
  await clock.advance(1_000);
  expect(call).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
  expect(done).toEqual([]);
});
