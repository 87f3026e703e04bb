import { expect, test } from 'vitest';
import { openScope } from '../../../src/core/signals.js';
import type { Known } from '../../../src/recipes/stm-checks.js';
import { Lanes } from '../../../src/recipes/stm-lanes.js';
import { settle, VirtualClock } from '../../../src/testing/virtual-clock.js';
import { watched } from './world.js';

const scopeOf = (signal?: AbortSignal) => openScope(new VirtualClock(), { signal }, 'a test');
const at = (revision: bigint): readonly Known[] => [{ range: { key: '/k' }, entries: [], revision }];

test('turns at one key are taken in order, each with what the one before has left', async () => {
  const lanes = new Lanes();
  const first = await lanes.enter(['/k'], scopeOf());
  const second = watched(lanes.enter(['/k'], scopeOf()));
  const third = watched(lanes.enter(['/k'], scopeOf()));
  await settle();
  expect([second.outcome, third.outcome, lanes.busy(['/k', '/other', '/k'])]).toEqual(['pending', 'pending', ['/k']]);
  first.leave(at(5n));
  await settle();
  expect([second.value?.known, third.outcome]).toEqual([at(5n), 'pending']);
  // One that was refused has nothing to tell; what the one before it has told still is the newest.
  second.value?.leave([]);
  await settle();
  expect(third.value?.known).toEqual(at(5n));
  third.value?.leave(at(7n));
  expect(lanes.busy(['/k'])).toEqual([]);
  expect((await lanes.enter(['/k'], scopeOf())).known).toEqual([]);
});

test('of several keys, what was left at the latest revision counts', async () => {
  const lanes = new Lanes();
  const [a, b] = [await lanes.enter(['/a'], scopeOf()), await lanes.enter(['/b'], scopeOf())];
  const both = watched(lanes.enter(['/b', '/a'], scopeOf()));
  a.leave(at(9n));
  b.leave(at(4n));
  await settle();
  expect(both.value?.known).toEqual(at(9n));
});

test('one that stops waiting gives up the turns that it has, and those behind it get theirs', async () => {
  const lanes = new Lanes();
  const held = await lanes.enter(['/b'], scopeOf());
  const aborter = new AbortController();
  const waits = watched(lanes.enter(['/a', '/b'], scopeOf(aborter.signal)));
  const behind = watched(lanes.enter(['/a'], scopeOf()));
  await settle();
  aborter.abort(new Error('enough'));
  await settle();
  expect(waits).toMatchObject({ outcome: 'rejected', error: aborter.signal.reason });
  expect(behind.outcome).toBe('resolved');
  behind.value?.leave([]);
  held.leave([]);
  expect(lanes.busy(['/a', '/b'])).toEqual([]);
});

test('one that is aborted when it has just been let in lets the next in', async () => {
  const lanes = new Lanes();
  const held = await lanes.enter(['/k'], scopeOf());
  const aborter = new AbortController();
  const letIn = lanes.enter(['/k'], scopeOf(aborter.signal));
  await settle();
  held.leave([]);
  aborter.abort(new Error('enough'));
  (await letIn).leave([]);
  expect(lanes.busy(['/k'])).toEqual([]);
});
