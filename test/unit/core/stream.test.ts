import { describe, expect, it } from 'vitest';
import type { Batch, Entry } from '../../../src/core/store.js';
import { WatchQueue } from '../../../src/core/stream.js';
import { isCoordinationError } from '../../../src/errors.js';
import { settle, VirtualClock } from '../../../src/testing/virtual-clock.js';

type Changes = Batch & { readonly kind: 'changes' };

function entry(key: string, revision: number, size = 0): Entry {
  return { key, value: new Uint8Array(size), created: BigInt(revision), modified: BigInt(revision) };
}

function puts(revision: number, size = 0): Changes {
  return { kind: 'changes', revision: BigInt(revision), puts: [entry('/a/k', revision, size)], deletes: [] };
}

function setup(options: { limitBytes?: number; signal?: AbortSignal; timeoutMs?: number } = {}) {
  const clock = new VirtualClock();
  const calls = { resnapshot: 0, ended: 0 };
  const source = { resnapshot: () => calls.resnapshot++, ended: () => calls.ended++ };
  const { limitBytes, ...call } = options;
  return { clock, calls, queue: new WatchQueue(source, clock, call, limitBytes) };
}

async function revisions(queue: WatchQueue, count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let n = 0; n < count; n++) {
    const { value } = await queue.next();
    seen.push(`${(value as Batch).kind} ${(value as Batch).revision}`);
  }
  return seen;
}

describe('WatchQueue', () => {
  it('holds changes back until the snapshot is there', async () => {
    const { queue } = setup();
    queue.changes(puts(6));
    let early = false;
    const first = queue.next().finally(() => {
      early = true;
    });
    await settle();
    expect(early).toBe(false);
    queue.snapshot(5n, []);
    expect((await first).value).toMatchObject({ kind: 'snapshot', revision: 5n });
    expect(await revisions(queue, 1)).toEqual(['changes 6']);
  });

  it('drops held changes that the snapshot already contains', async () => {
    const { queue } = setup();
    for (const revision of [4, 5, 6]) queue.changes(puts(revision));
    queue.snapshot(5n, []);
    expect(await revisions(queue, 2)).toEqual(['snapshot 5', 'changes 6']);
  });

  it('drops what a server repeats', async () => {
    const { queue } = setup();
    queue.snapshot(5n, []);
    for (const revision of [6, 7, 6, 7, 8]) queue.changes(puts(revision));
    expect(await revisions(queue, 4)).toEqual(['snapshot 5', 'changes 6', 'changes 7', 'changes 8']);
    expect(queue.revision).toBe(8n);
  });

  it('replaces undelivered batches by the snapshot that follows a restart', async () => {
    const { queue } = setup();
    queue.snapshot(5n, []);
    queue.changes(puts(6));
    queue.restart();
    queue.changes(puts(9));
    queue.snapshot(8n, []);
    expect(await revisions(queue, 2)).toEqual(['snapshot 8', 'changes 9']);
  });

  it('lets a snapshot after a restart go back, as a store restored from a backup does', async () => {
    const { queue } = setup({ limitBytes: 300 });
    queue.snapshot(50n, []);
    queue.changes(puts(51, 400));
    queue.restart();
    queue.snapshot(3n, []);
    queue.changes(puts(4));
    expect(await revisions(queue, 2)).toEqual(['snapshot 3', 'changes 4']);
  });

  it('asks for a new snapshot, once the consumer asks again, when the consumer fell too far behind', async () => {
    const { queue, calls } = setup({ limitBytes: 1_000 });
    queue.snapshot(5n, []);
    expect(await revisions(queue, 1)).toEqual(['snapshot 5']);
    for (let revision = 6; revision < 60; revision++) queue.changes(puts(revision));
    expect(calls.resnapshot).toBe(0);
    const next = queue.next();
    expect(calls.resnapshot).toBe(1);
    queue.changes(puts(60));
    queue.snapshot(59n, []);
    expect((await next).value).toMatchObject({ kind: 'snapshot', revision: 59n });
    expect(await revisions(queue, 1)).toEqual(['changes 60']);
  });

  it('delivers a batch above the limit to a consumer that waits, by way of a snapshot', async () => {
    const { queue, calls } = setup({ limitBytes: 1_000 });
    queue.snapshot(5n, []);
    await queue.next();
    const next = queue.next();
    queue.changes(puts(6, 2_000));
    expect(calls.resnapshot).toBe(1);
    queue.snapshot(6n, [entry('/a/k', 6, 2_000)]);
    expect((await next).value).toMatchObject({ kind: 'snapshot', revision: 6n });
  });

  it('passes over the first snapshot when changes above it were dropped while it was under way', async () => {
    const { queue, calls } = setup({ limitBytes: 300 });
    queue.changes(puts(6, 200));
    queue.changes(puts(7, 200));
    expect(calls.resnapshot).toBe(1);
    queue.snapshot(5n, []);
    queue.snapshot(7n, []);
    expect(await revisions(queue, 1)).toEqual(['snapshot 7']);
  });

  it('does not count what was delivered towards the limit', async () => {
    const { queue, calls } = setup({ limitBytes: 1_000 });
    queue.snapshot(0n, []);
    await queue.next();
    for (let revision = 1; revision < 100; revision++) {
      queue.changes(puts(revision));
      expect(await revisions(queue, 1)).toEqual([`changes ${revision}`]);
    }
    expect(calls.resnapshot).toBe(0);
  });

  it('rejects a second next() while one is pending, which goes on', async () => {
    const { queue } = setup();
    const first = queue.next();
    await expect(queue.next()).rejects.toMatchObject({ code: 'INVALID_OPTION', problem: 'concurrent-next' });
    queue.snapshot(5n, []);
    expect((await first).value).toMatchObject({ revision: 5n });
  });

  it('rejects with the very reason of the signal, at once and for ever', async () => {
    const controller = new AbortController();
    const { queue, calls } = setup({ signal: controller.signal });
    queue.snapshot(5n, []);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(queue.next()).rejects.toBe(reason);
    await expect(queue.next()).rejects.toBe(reason);
    queue.fail(new Error('too late'));
    expect(calls.ended).toBe(1);
  });

  it('is done only after return(), and a pending next() with it', async () => {
    const { queue, calls } = setup();
    const pending = queue.next();
    expect(await queue.return()).toEqual({ done: true, value: undefined });
    expect(await pending).toEqual({ done: true, value: undefined });
    await queue.return();
    queue.fail(new Error('too late'));
    expect(await queue.next()).toEqual({ done: true, value: undefined });
    expect(calls.ended).toBe(1);
  });

  it('keeps its error when return() comes after it', async () => {
    const { queue } = setup();
    const error = new Error('gone');
    queue.fail(error);
    await queue.return();
    await expect(queue.next()).rejects.toBe(error);
  });

  it('rejects with TIMEOUT when the first batch takes longer than timeoutMs', async () => {
    const { queue, clock, calls } = setup({ timeoutMs: 50 });
    const failure = queue.next().catch((error: unknown) => error);
    await clock.advance(50);
    expect(isCoordinationError(await failure, 'TIMEOUT')).toBe(true);
    expect(calls.ended).toBe(1);
  });

  it('leaves no timer behind once the first batch is there', async () => {
    const { queue, clock } = setup({ timeoutMs: 50 });
    queue.snapshot(5n, []);
    expect(clock.pending).toBe(0);
    await clock.advance(100);
    expect(await revisions(queue, 1)).toEqual(['snapshot 5']);
  });

  it('ignores whatever comes after its end', async () => {
    const { queue } = setup();
    await queue.return();
    queue.snapshot(5n, []);
    queue.changes(puts(6));
    queue.restart();
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });
});
