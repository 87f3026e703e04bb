import { put, type Store } from '../../core/store.js';
import type { ErrorCode } from '../../errors.js';
import { check, failure, refuses, same } from './assert.js';
import { everyMethod } from './limit-cases.js';
import { entriesOf, entryAt, patienceMs, take, textOf, withStore, write } from './tools.js';
import type { ContractCase, ContractWorld } from './world.js';

/** A signal that knows how many listen to it. */
function countedSignal(): { readonly signal: AbortSignal; readonly listeners: Set<unknown> } {
  const { signal } = new AbortController();
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
  return { signal, listeners };
}

/** Every method, called right, against a lease of its own. */
async function calls(
  store: Store,
  world: ContractWorld,
  signal?: AbortSignal,
): Promise<[string, () => Promise<unknown>][]> {
  const { prefix, shortTtlMs } = world;
  const [one, two] = [await store.grant(shortTtlMs), await store.grant(shortTtlMs)];
  const options = signal === undefined ? {} : { signal };
  return [
    ['read', () => store.read({ prefix }, options)],
    ['commit', () => store.commit([], [put(`${prefix}k`, '')], options)],
    ['grant', () => store.grant(shortTtlMs, options)],
    ['renew', () => store.renew(one.id, options)],
    ['revoke', () => store.revoke(two.id, options)],
  ];
}

export const lifeCases: readonly ContractCase[] = [
  withStore(
    'abort: every method rejects with the very reason of a signal that is aborted already',
    async (store, world) => {
      const reason = new Error('no need');
      const signal = AbortSignal.abort(reason);
      for (const [name, call] of everyMethod(store, world.prefix, { signal }, world.shortTtlMs)) {
        check((await failure(call, name)) === reason, `${name} rejects with the reason of the signal`);
      }
      same(await entriesOf(store, { prefix: world.prefix }), [], 'nothing is applied');
    },
  ),
  withStore('abort: every method rejects with the very reason when aborted under way', async (store, world) => {
    const controller = new AbortController();
    const reason = { not: 'even an Error' };
    const underWay = (await calls(store, world, controller.signal)).map(([name, call]) => {
      return { name, failed: failure(call, name) };
    });
    controller.abort(reason);
    for (const { name, failed } of underWay) check((await failed) === reason, `${name} rejects with the reason`);
    // Not the key of the aborted commit: that one may still be applied, late.
    await write(store, put(`${world.prefix}after`, 'v'));
    same(textOf(await entryAt(store, `${world.prefix}after`)), 'v', 'the client goes on');
  }),
  withStore('abort: no method leaves a listener on the signal', async (store, world) => {
    const { signal, listeners } = countedSignal();
    for (const [name, call] of await calls(store, world, signal)) {
      await call();
      same(listeners.size, 0, `${name} has taken its listener off`);
    }
    const watch = store.watch({ prefix: world.prefix }, { signal });
    await take(world, watch);
    await watch.return();
    same(listeners.size, 0, 'a watch that ended has taken its listener off');
  }),
  withStore('timeout: a generous one changes nothing', async (store, world) => {
    const methods = everyMethod(store, world.prefix, { timeoutMs: 60_000 }, world.shortTtlMs);
    for (const name of ['read', 'commit', 'grant', 'watch']) await methods.get(name)?.();
    same((await entriesOf(store, { prefix: world.prefix })).length, 1, 'the commit is applied');
  }),
  {
    name: 'timeout: every method gives up in time when no answer comes',
    needs: 'stall',
    run: async (world) => {
      const store = await world.open();
      await store.read({ prefix: world.prefix });
      const resume = await world.stall?.(store);
      for (const [name, call] of everyMethod(store, world.prefix, { timeoutMs: 200 }, world.shortTtlMs)) {
        const started = world.clock.now();
        const code: ErrorCode = name === 'commit' ? 'UNKNOWN_OUTCOME' : 'TIMEOUT';
        await world.wait(refuses(code, call, name), patienceMs);
        const tookMs = world.clock.now() - started;
        check(tookMs >= 199 && tookMs < 1_200, `${name} gives up after 200 ms, not after ${tookMs}`);
      }
      await resume?.();
    },
  },
  withStore('close: every open call rejects with CLOSED', async (store, world) => {
    const quiet = { prefix: `${world.prefix}quiet/` };
    const [watch, fresh] = [store.watch(quiet), store.watch(quiet)];
    await take(world, watch);
    const open = (await calls(store, world)).map(([name, call]) => refuses('CLOSED', call, name));
    open.push(refuses('CLOSED', () => watch.next(), 'the next of a watch'));
    await store.close();
    await world.wait(Promise.all(open), patienceMs);
    await refuses('CLOSED', () => fresh.next(), 'a watch of which nothing was taken');
  }),
  withStore('close: every method of a closed store rejects with CLOSED', async (store, world) => {
    const watch = store.watch({ prefix: world.prefix });
    await take(world, watch);
    await store.close();
    for (const [name, call] of everyMethod(store, world.prefix, {}, world.shortTtlMs)) {
      await refuses('CLOSED', call, name);
    }
    await refuses('CLOSED', () => watch.next(), 'the next of a watch');
  }),
  withStore('close: may be called again, also at the same time and by await using', async (store) => {
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await store[Symbol.asyncDispose]();
  }),
  {
    name: 'close: of one client leaves the others alone',
    run: async (world) => {
      const [one, other] = [await world.open(), await world.open()];
      const watch = other.watch({ prefix: world.prefix });
      await take(world, watch);
      await one.close();
      await write(other, put(`${world.prefix}k`, 'v'));
      same((await take(world, watch)).kind, 'changes', 'its watch goes on');
      await watch.return();
    },
  },
];
