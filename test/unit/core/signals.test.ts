import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { firstOf, onAbort, openScope, orAbort, sleep } from '../../../src/core/signals.js';
import { settle, VirtualClock } from '../../../src/testing/virtual-clock.js';

function setup() {
  const controller = new AbortController();
  const listeners = (): number => getEventListeners(controller.signal, 'abort').length;
  return { clock: new VirtualClock(), controller, signal: controller.signal, listeners, reason: new Error('enough') };
}

describe('openScope', () => {
  it('ends with the very reason of the caller’s signal', () => {
    const { clock, controller, signal, reason } = setup();
    using scope = openScope(clock, { signal }, 'a wait');
    scope.throwIfAborted();
    controller.abort(reason);
    expect(scope.signal.reason).toBe(reason);
    expect(() => scope.throwIfAborted()).toThrow(reason);
  });

  it('begins ended when the signal is aborted already', () => {
    const { clock, controller, signal, reason } = setup();
    controller.abort(reason);
    using scope = openScope(clock, { signal }, 'a wait');
    expect(scope.signal.reason).toBe(reason);
  });

  it('ends with TIMEOUT after the time allowed, saying what took so long', async () => {
    const { clock } = setup();
    using scope = openScope(clock, { timeoutMs: 50 }, 'a wait');
    await clock.advance(49);
    expect(scope.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(scope.signal.reason).toMatchObject({ code: 'TIMEOUT', message: 'Timed out after 50 ms: a wait' });
  });

  it('leaves neither listener nor timer when disposed of', () => {
    const { clock, signal, listeners } = setup();
    for (let n = 0; n < 3; n++) {
      using scope = openScope(clock, { signal, timeoutMs: 50 }, 'a wait');
      scope.throwIfAborted();
      expect([listeners(), clock.pending]).toEqual([1, 1]);
    }
    expect([listeners(), clock.pending]).toEqual([0, 0]);
  });

  it('does not abort anything when it is disposed of', () => {
    const { clock, signal } = setup();
    const scope = openScope(clock, { signal }, 'a wait');
    scope[Symbol.dispose]();
    expect(scope.signal.aborted).toBe(false);
  });
});

describe('onAbort', () => {
  it('calls at once for a signal that is aborted already, and once only for any other', () => {
    const { controller, signal, reason, listeners } = setup();
    const seen: unknown[] = [];
    onAbort(signal, (why) => seen.push(why));
    controller.abort(reason);
    onAbort(signal, (why) => seen.push(why));
    expect(seen).toEqual([reason, reason]);
    expect(listeners()).toBe(0);
  });

  it('takes its listener off when told to, again and again', () => {
    const { controller, signal, listeners } = setup();
    const unlink = onAbort(signal, () => expect.unreachable());
    unlink();
    unlink();
    controller.abort();
    expect(listeners()).toBe(0);
  });
});

describe('orAbort', () => {
  it('leaves no listener behind, however the promise ends', async () => {
    const { signal, listeners } = setup();
    expect(await orAbort(Promise.resolve(7), signal)).toBe(7);
    await expect(orAbort(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
    await settle();
    expect(listeners()).toBe(0);
  });

  it('rejects with the reason at once, and takes note of what the promise does later', async () => {
    const { controller, signal, reason } = setup();
    let fail = (_: unknown): void => {};
    const slow = new Promise((_, reject) => {
      fail = reject;
    });
    const raced = orAbort(slow, signal);
    controller.abort(reason);
    await expect(raced).rejects.toBe(reason);
    fail(new Error('would be unhandled'));
    await settle();
  });
});

describe('sleep', () => {
  it('sleeps for its time and leaves no listener behind', async () => {
    const { clock, signal, listeners } = setup();
    const sleeping = sleep(clock, 100, signal);
    expect(listeners()).toBe(1);
    await clock.runUntil(sleeping);
    expect([clock.now(), listeners()]).toEqual([100, 0]);
  });

  it('rejects with the reason at once and leaves no timer behind', async () => {
    const { clock, controller, signal, reason } = setup();
    const sleeping = sleep(clock, 100, signal);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(sleep(clock, 100, signal)).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });
});

describe('firstOf', () => {
  it('ends with the first of several, and takes all of them off', async () => {
    const { clock, signal, listeners } = setup();
    const arms = [30, 10, 20].map((ms) => (wake: () => void) => clock.after(ms, wake));
    await clock.runUntil(firstOf(signal, arms));
    expect([clock.now(), clock.pending, listeners()]).toEqual([10, 0, 0]);
  });

  it('rejects with what a source fails with, or with the reason of the signal', async () => {
    const { clock, controller, signal, reason, listeners } = setup();
    const failing = (_: () => void, fail: (error: unknown) => void) => clock.after(5, () => fail(new Error('broken')));
    await expect(clock.runUntil(firstOf(signal, [failing]))).rejects.toThrow('broken');
    const waiting = firstOf(signal, [(wake) => clock.after(5, wake)]);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(firstOf(signal, [() => expect.unreachable()])).rejects.toBe(reason);
    expect([clock.pending, listeners()]).toEqual([0, 0]);
  });
});

it('a hundred waits on one signal draw no warning of Node, and leave no listener', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const controller = new AbortController();
  const scopes = Array.from({ length: 100 }, () => openScope(systemClock, { signal: controller.signal }, 'a test'));
  for (const scope of scopes) scope[Symbol.dispose]();
  await new Promise(setImmediate);
  process.off('warning', note);
  expect(warnings).toEqual([]);
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});
