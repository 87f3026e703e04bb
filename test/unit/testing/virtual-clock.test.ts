import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/core/signals.js';
import { settle, VirtualClock } from '../../../src/testing/virtual-clock.js';

/** Sets a timer for each time and notes when it fires. */
function noting(clock: VirtualClock, times: readonly number[]): string[] {
  const fired: string[] = [];
  for (const ms of times) clock.after(ms, () => fired.push(`${ms} at ${clock.now()}`));
  return fired;
}

async function hops(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await Promise.resolve();
}

describe('VirtualClock', () => {
  it('stands still until it is told to move', async () => {
    const clock = new VirtualClock();
    const wall = clock.wall();
    await settle();
    expect([clock.now(), clock.wall()]).toEqual([0, wall]);
  });

  it('begins where it is told to', () => {
    const clock = new VirtualClock({ nowMs: 7, wallMs: 8 });
    expect([clock.now(), clock.wall()]).toEqual([7, 8]);
  });

  it('fires timers in the order of their times, each at its own', async () => {
    const clock = new VirtualClock();
    const fired = noting(clock, [30, 10, 20, 50]);
    await clock.advance(40);
    expect(fired).toEqual(['10 at 10', '20 at 20', '30 at 30']);
    expect(clock.now()).toBe(40);
    await clock.advanceTo(50);
    expect(fired).toHaveLength(4);
  });

  it('fires timers of one time in the order in which they were set', async () => {
    const clock = new VirtualClock();
    const order: number[] = [];
    for (let n = 0; n < 100; n++) clock.after(5, () => order.push(n));
    await clock.advance(5);
    expect(order).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('lets all that a timer set off run before the next one, however long the chain of promises', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.after(1, () => void hops(500).then(() => log.push('chain')));
    clock.after(1, () => log.push('timer'));
    await clock.advance(1);
    expect(log).toEqual(['chain', 'timer']);
  });

  it('runs what was under way before it moves', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    void hops(50).then(() => fired.push(...noting(clock, [5]), `set at ${clock.now()}`));
    await clock.advance(10);
    expect(fired).toEqual(['set at 0']);
    expect(clock.pending).toBe(0);
  });

  it('fires timers that timers set, as far as they are in the time that passes', async () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      clock.after(10, tick);
    };
    tick();
    await clock.advance(55);
    expect([ticks, clock.pending, clock.now()]).toEqual([6, 1, 55]);
  });

  it('does not fire what was cancelled, and counts what is armed', async () => {
    const clock = new VirtualClock();
    const cancels = Array.from({ length: 1_000 }, (_, n) => clock.after(n, () => expect.unreachable()));
    expect(clock.pending).toBe(1_000);
    for (const cancel of cancels) cancel();
    cancels[0]?.();
    expect([clock.pending, clock.nextMs]).toEqual([0, undefined]);
    await clock.advance(2_000);
  });

  it('takes a negative time for none, and never fires during the call', async () => {
    const clock = new VirtualClock();
    const fired = noting(clock, [-5, 0]);
    expect(fired).toEqual([]);
    await clock.advance(0);
    expect(fired).toEqual(['-5 at 0', '0 at 0']);
  });

  it('lets sleepers that overlap sleep at the same time', async () => {
    const clock = new VirtualClock();
    await Promise.all([clock.advance(100), clock.advance(60), clock.advance(100)]);
    expect(clock.now()).toBe(100);
  });

  it('moves the wall clock alone when it is set, or the machine is suspended', async () => {
    const clock = new VirtualClock({ wallMs: 1_000_000 });
    const fired = noting(clock, [10]);
    clock.stepWall(-3_600_000);
    clock.suspend(60_000);
    await settle();
    expect([clock.now(), clock.wall(), fired]).toEqual([0, -2_540_000, []]);
    await clock.advance(10);
    expect([clock.wall(), fired.length]).toEqual([-2_539_990, 1]);
  });

  it('fires late, in order and at the end of a stall what came due in it', async () => {
    const clock = new VirtualClock({ wallMs: 0 });
    const fired = noting(clock, [20, 10, 200]);
    let seen = -1;
    void Promise.resolve().then(() => {
      seen = clock.now();
    });
    await clock.stall(100);
    expect(seen).toBe(100);
    expect(fired).toEqual(['10 at 100', '20 at 100']);
    expect([clock.now(), clock.wall()]).toEqual([100, 100]);
  });

  it('runs until a promise settles and no further', async () => {
    const clock = new VirtualClock();
    noting(clock, [5, 5_000]);
    expect(await clock.runUntil(sleep(clock, 1_000).then(() => 'done'))).toBe('done');
    expect([clock.now(), clock.pending]).toEqual([1_000, 1]);
  });

  it('hands on the rejection of the promise that it ran for', async () => {
    const clock = new VirtualClock();
    const reason = new Error('no');
    await expect(clock.runUntil(sleep(clock, 10).then(() => Promise.reject(reason)))).rejects.toBe(reason);
  });

  it('tells a deadlock: nothing is armed that could settle the promise', async () => {
    const clock = new VirtualClock();
    noting(clock, [10]);
    const stuck = clock.runUntil(new Promise(() => {}));
    await expect(stuck).rejects.toMatchObject({ code: 'TIMEOUT', problem: 'deadlock' });
  });

  it('gives up after maxMs, before anything later fires', async () => {
    const clock = new VirtualClock();
    const fired = noting(clock, [10, 1_001]);
    const stuck = clock.runUntil(new Promise(() => {}), { maxMs: 1_000 });
    await expect(stuck).rejects.toMatchObject({ code: 'TIMEOUT', problem: 'timeout' });
    expect(fired).toEqual(['10 at 10']);
  });

  it('does not take the patience of one for a deadlock while another moves on', async () => {
    const clock = new VirtualClock();
    const chain = (async () => {
      for (let n = 0; n < 100; n++) await clock.runUntil(Promise.resolve());
      return 'done';
    })();
    expect(await clock.runUntil(chain)).toBe('done');
  });

  it('passes on what a timer throws', async () => {
    const clock = new VirtualClock();
    clock.after(1, () => {
      throw new Error('in a timer');
    });
    await expect(clock.advance(5)).rejects.toThrow('in a timer');
  });
});
