import { afterEach } from 'vitest';
import { type Clock, systemClock } from '../../../src/core/clock.js';
import type { Batch, Entry, Watch } from '../../../src/core/store.js';
import { settle, type VirtualClock } from '../../../src/testing/virtual-clock.js';
import type { ConsulOptions } from '../../../src/transport/consul/options.js';
import { type ConsulStore, createConsulStore } from '../../../src/transport/consul/store.js';
import { waitFor } from '../../servers/wait.js';
import { FakeConsul, type FakeOptions } from './fake-consul.js';

const undo: (() => unknown)[] = [];

/** Ends after the test whatever {@link fakeConsul} and {@link storeOn} have started. Call it once per file. */
export function tidyUp(): void {
  afterEach(async () => {
    for (const run of undo.splice(0).reverse()) await run();
  });
}

/** Runs this after the test. */
export function later(run: () => unknown): void {
  undo.push(run);
}

/** A server for this test. */
export async function fakeConsul(options: FakeOptions = {}): Promise<FakeConsul> {
  const fake = await FakeConsul.start(options);
  later(() => fake.stop());
  return fake;
}

/** Attempts that follow each other closely, so that tests are quick. */
const closely = { baseMs: 1, capMs: 5 };

/** A store for this test, at a server or an address. Its jitter is always the same. */
export function storeOn(
  at: FakeConsul | string,
  options: Partial<ConsulOptions> = {},
  clock: Clock = systemClock,
): ConsulStore {
  const address = typeof at === 'string' ? at : at.address;
  const store = createConsulStore({ address, retry: closely, ...options }, { clock, random: () => 0.5 });
  later(() => store.close());
  return store;
}

/** Waits, in real time, for what only takes the way to the server and back. */
export function shortly<T>(condition: () => T, what: string): Promise<NonNullable<T>> {
  return waitFor(condition, { timeoutMs: 5_000, intervalMs: 2, what });
}

/** Lets as many turns of the event loop pass as a request to a server in this process and its answer take. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await settle();
}

/** Lets virtual time pass, step by step, until the condition holds; in each step requests have the turns they need. */
export async function passUntil<T>(
  clock: VirtualClock,
  condition: () => T,
  what: string,
  stepMs = 50,
): Promise<NonNullable<T>> {
  const deadlineMs = systemClock.now() + 5_000;
  for (;;) {
    const value = condition();
    if (value) return value;
    if (systemClock.now() > deadlineMs)
      throw new Error(`${what}: not within 5 s, which were ${clock.now()} virtual ms`);
    await clock.advance(stepMs);
    await turns();
  }
}

/** The outcome of a promise, for which virtual time passes as in {@link passUntil}. */
export async function passFor<T>(clock: VirtualClock, promise: Promise<T>, what: string, stepMs?: number): Promise<T> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await passUntil(clock, () => settled, what, stepMs);
  return promise;
}

/** The next batch of a watch that goes on. */
export async function next(watch: Watch): Promise<Batch> {
  const { done, value } = await watch.next();
  if (done) throw new Error('the watch is done');
  return value;
}

/** `key=text` for each entry. */
export function texts(entries: readonly Entry[] | undefined): string[] {
  return (entries ?? []).map(({ key, value }) => `${key}=${Buffer.from(value)}`);
}

/** What a batch tells: `key=text` for what was put, `-key` for what was deleted, after the word snapshot for a snapshot. */
export function told(batch: Batch): string[] {
  if (batch.kind === 'snapshot') return ['snapshot', ...texts(batch.entries)];
  return [...texts(batch.puts), ...batch.deletes.map((key) => `-${key}`)];
}

/** Keeps a list of who listens to a signal. */
export function listenersOf(signal: AbortSignal): ReadonlySet<unknown> {
  const listeners = new Set<unknown>();
  type Arguments = Parameters<AbortSignal['addEventListener']>;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Arguments): void => {
    listeners.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Arguments): void => {
    listeners.delete(args[1]);
    remove(...args);
  };
  return listeners;
}
