import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../src/core/backoff.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

const almostOne = 1 - Number.EPSILON;

describe('Backoff', () => {
  it('doubles its bound from base to cap, and never waits longer', () => {
    const backoff = new Backoff(new VirtualClock(), () => almostOne, { baseMs: 20, capMs: 100 });
    const waits = Array.from({ length: 6 }, () => Math.round(backoff.nextMs()));
    expect(waits).toEqual([20, 40, 80, 100, 100, 100]);
  });

  it('waits for at least half of its bound', () => {
    const backoff = new Backoff(new VirtualClock(), () => 0, { baseMs: 20, capMs: 100 });
    expect(Array.from({ length: 4 }, () => backoff.nextMs())).toEqual([10, 20, 40, 50]);
  });

  it('stays finite over thousands of attempts', () => {
    const backoff = new Backoff(new VirtualClock(), () => 0.5);
    for (let n = 0; n < 5_000; n++) expect(backoff.nextMs()).toBeLessThanOrEqual(1_000);
  });

  it('starts again after a reset', () => {
    const backoff = new Backoff(new VirtualClock(), () => 0, { baseMs: 20 });
    backoff.nextMs();
    backoff.nextMs();
    backoff.reset();
    expect(backoff.nextMs()).toBe(10);
  });

  it('waits on the clock that it was given, until the signal aborts', async () => {
    const clock = new VirtualClock();
    const backoff = new Backoff(clock, () => 0, { baseMs: 20 });
    await clock.runUntil(backoff.wait());
    expect(clock.now()).toBe(10);
    const controller = new AbortController();
    const waiting = backoff.wait(controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });
});
