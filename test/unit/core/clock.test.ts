import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock, systemRandom } from '../../../src/core/clock.js';

afterEach(() => {
  vi.useRealTimers();
});

describe('systemClock', () => {
  it('fires after more than 2^31 ms, neither at once nor early', () => {
    vi.useFakeTimers();
    const month = 31 * 86_400_000;
    const fire = vi.fn();
    systemClock.after(month, fire);
    vi.advanceTimersByTime(month - 1);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cancels at any time, also a long timer in a later piece', () => {
    vi.useFakeTimers();
    const cancel = systemClock.after(2 ** 32, () => expect.unreachable());
    vi.advanceTimersByTime(2 ** 31 + 10);
    cancel();
    cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes a negative time for none, and never fires during the call', () => {
    vi.useFakeTimers();
    const fire = vi.fn();
    systemClock.after(-5, fire);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it('never fires early, as Node does by up to a millisecond', async () => {
    const early: number[] = [];
    const waits = Array.from({ length: 200 }, (_, n) => {
      const ms = 1 + (n % 40) / 10;
      const started = systemClock.now();
      return new Promise<void>((resolve) => {
        systemClock.after(ms, () => {
          if (systemClock.now() - started < ms) early.push(ms);
          resolve();
        });
      });
    });
    await Promise.all(waits);
    expect(early).toEqual([]);
  });

  it('has a monotonic clock and a wall clock, in milliseconds', () => {
    const [now, wall] = [systemClock.now(), systemClock.wall()];
    expect(systemClock.now()).toBeGreaterThanOrEqual(now);
    expect(wall).toBeGreaterThan(1.7e12);
  });
});

it('systemRandom draws from [0, 1)', () => {
  for (let n = 0; n < 1_000; n++) {
    const drawn = systemRandom();
    expect(drawn >= 0 && drawn < 1).toBe(true);
  }
});
