import { Mutex } from 'coterie';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GaveUp } from '../servers/wait.js';
import { type Exit, type Program, startNode } from './program.js';
import { promptMs, soon, until } from './tools.js';
import { type BuiltWorkers, buildWorkers } from './worker-build.js';
import type { HolderOptions } from './workers/holder.js';
import type { VisitorOptions } from './workers/visitor.js';
import { forEachStore, type StoreWorld, shortTtlMs } from './world.js';

const holderSource = new URL('./workers/holder.ts', import.meta.url);
const visitorSource = new URL('./workers/visitor.ts', import.meta.url);

/** A new process has to load its modules, on a machine that may be busy. */
const startMs = 15_000;

let built: BuiltWorkers;
beforeAll(() => {
  built = buildWorkers();
});
afterAll(() => built[Symbol.dispose]());

type Kind = HolderOptions['kind'];
type Told = Readonly<Record<string, unknown>> & { readonly event: string };

/** A process that holds, or waits to. */
class Holder {
  readonly program: Program;

  constructor(world: StoreWorld, name: string, kind: Kind = 'mutex') {
    const paths = { path: `${world.path}/line`, state: `${world.path}/state` };
    const options: HolderOptions = { kind, name, store: world.url, ...paths, ttlMs: shortTtlMs };
    this.program = world.watchOver(startNode(built.script(holderSource), options, 'pipe'));
  }

  get told(): Told[] {
    return this.program.lines.map((line) => JSON.parse(line) as Told);
  }

  /** Waits until it has told of this, and gives what it told. */
  tells(event: string, timeoutMs = promptMs): Promise<Told> {
    return until(`a worker's "${event}"`, () => this.#toldNow(event), { timeoutMs });
  }

  #toldNow(event: string): Told | undefined {
    const told = this.told.find((each) => each.event === event);
    if (told !== undefined || this.program.running) return told;
    throw new GaveUp(`A worker ended without "${event}"; it said: ${this.program.errors}`);
  }

  /** Has it close its client, after which it is to end by itself, without ever having complained. */
  async close(): Promise<void> {
    this.program.say('close');
    await this.tells('closed');
    expectGood(this.program, await soon('the end of a process', this.program.exited));
  }
}

function expectGood(program: Program, exit: Exit): void {
  expect(program.errors).toBe('');
  expect(exit).toEqual({ code: 0, signal: null });
}

/** One that holds, and one in line behind it. */
async function pair(world: StoreWorld, kind: Kind = 'mutex'): Promise<{ first: Holder; second: Holder }> {
  const [first, second] = [new Holder(world, 'first', kind), new Holder(world, 'second', kind)];
  const winner = await Promise.race([first, second].map(async (each) => (await each.tells('held', startMs)) && each));
  await world.keysOnce(2, `${world.path}/line`);
  return winner === first ? { first, second } : { first: second, second: first };
}

/** What a holder has to find out when it wakes up, and in which order: nothing was done in the belief of holding. */
async function expectToldAtOnce({ told }: Holder, asleepMs: number): Promise<void> {
  const after = told.slice(1).filter(({ event }) => event !== 'stalling');
  expect(after.map(({ event }) => event).sort()).toEqual(['commit', 'guarded write', 'looked', 'released', 'signal']);
  const find = (event: string) => after.find((each) => each.event === event);
  expect(find('looked')).toMatchObject({ held: false, aborted: true });
  // The last look that found it held was before the sleep: the first one after it saw the loss.
  expect(find('looked')?.['sinceLastLookMs']).toBeGreaterThan(asleepMs);
  expect(find('signal')).toMatchObject({ code: 'SESSION_LOST', held: false });
  expect(after.findIndex(({ event }) => event === 'signal')).toBeLessThan(2);
  expect(find('commit')).toMatchObject({ code: 'SESSION_LOST' });
  expect(find('guarded write')).toMatchObject({ ok: false });
  expect(find('released')).toMatchObject({ wasHeld: false });
}

await forEachStore((world) => {
  const kinds = ['mutex', 'election'] as const;

  test.each(kinds)('%s: a holder that slept past its TTL finds out before it can act', async (kind) => {
    const { first, second } = await pair(world, kind);
    const before = await first.tells('held');
    first.program.signal('SIGSTOP');
    const asleep = performance.now();
    const after = await second.tells('held', world.expiryMs(shortTtlMs) + promptMs);
    expect(first.told).toHaveLength(1);
    const asleepMs = performance.now() - asleep;
    first.program.signal('SIGCONT');
    await first.tells('released');
    // The part of its sleep before the store took the ticket from it, at the least.
    await expectToldAtOnce(first, Math.min(asleepMs, shortTtlMs / 2));
    expect(BigInt(String(after['token']))).toBeGreaterThan(BigInt(String(before['token'])));
    expect(second.told).toHaveLength(1);
    expect((await world.admin.store.read({ key: `${world.path}/state` })).entries).toEqual([]);
    await Promise.all([first.close(), second.close()]);
    expect(await world.keys()).toEqual([]);
  });

  test('a holder whose event loop stood still for three TTLs finds out before it can act', async () => {
    const { first, second } = await pair(world);
    first.program.say(`stall ${3 * shortTtlMs}`);
    await first.tells('stalling');
    await second.tells('held', world.expiryMs(shortTtlMs));
    expect(first.told).toHaveLength(2);
    await first.tells('released', 3 * shortTtlMs + promptMs);
    await expectToldAtOnce(first, 3 * shortTtlMs);
    expect(second.told).toHaveLength(1);
    expect((await world.admin.store.read({ key: `${world.path}/state` })).entries).toEqual([]);
    await Promise.all([first.close(), second.close()]);
    expect(await world.keys()).toEqual([]);
  });

  test.each(kinds)(
    '%s: the next one holds within 1 s of when the lease of a dead holder must be over',
    async (kind) => {
      const { first, second } = await pair(world, kind);
      const before = await first.tells('held');
      await first.program.end('SIGKILL');
      const diedAt = performance.now();
      const after = await second.tells('held', world.expiryMs(shortTtlMs) + promptMs);
      expect(performance.now() - diedAt).toBeLessThan(world.lifeMs(shortTtlMs) + 1_000);
      expect(first.program.errors).toBe('');
      expect(BigInt(String(after['token']))).toBeGreaterThan(BigInt(String(before['token'])));
      expect(await world.keys(`${world.path}/line`)).toEqual([after['key']]);
      await second.close();
      expect(await world.keys()).toEqual([]);
    },
  );

  test('a release in one process is a grant in the other', async () => {
    const { first, second } = await pair(world);
    first.program.say('release');
    expect(await first.tells('released')).toMatchObject({ wasHeld: true });
    await second.tells('held');
    await Promise.all([first.close(), second.close()]);
    expect(await world.keys()).toEqual([]);
  });

  test('a process ends by itself once it has closed its client, with waits and observers under way', async () => {
    const options: VisitorOptions = { store: world.url, path: world.path, stay: false };
    const program = world.watchOver(startNode(built.script(visitorSource), options, 'ignore'));
    await program.line(0, startMs);
    const last = JSON.parse(await program.line(1)) as unknown;
    // Whatever still had a timer or a socket would hold it up: the shortest of them is 5 s (a ping's).
    const exit = await soon('the end of the process', program.exited, 4_000);
    expect(last).toMatchObject({ held: false, observing: 'CLOSED' });
    expectGood(program, exit);
    expect(await world.keys()).toEqual([]);
  });

  test('a process that has not closed its client lives on, and keeps what it holds', async () => {
    const options: VisitorOptions = { store: world.url, path: world.path, stay: true };
    const program = world.watchOver(startNode(built.script(visitorSource), options, 'ignore'));
    await program.line(0, startMs);
    const mutex = new Mutex(world.client(), `${world.path}/lock`);
    await expect(mutex.acquire({ timeoutMs: 500 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(program.running).toBe(true);
    const [ticket] = (await world.admin.store.read({ prefix: `${mutex.path}/` })).entries;
    await program.end('SIGKILL');
    expect(program.errors).toBe('');
    await world.revoke(ticket?.lease ?? '');
    expect(await world.keys()).toEqual([]);
  });
});
