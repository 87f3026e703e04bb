import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DiagnosticEvents, diagnostics } from '../../../src/core/diagnostics.js';
import { absent, put } from '../../../src/core/store.js';
import { Election } from '../../../src/recipes/election.js';
import { Mutex } from '../../../src/recipes/mutex.js';
import { World } from '../recipes/world.js';

type Name = keyof DiagnosticEvents;

/** Every event of these channels since it was made, in order. */
class Listener {
  readonly heard: { readonly name: Name; readonly event: unknown }[] = [];
  readonly #off: (() => void)[] = [];

  on(...names: readonly Name[]): this {
    for (const name of names) {
      const hear = (event: unknown): void => {
        this.heard.push({ name, event });
      };
      subscribe(`coterie:${name}`, hear);
      this.#off.push(() => unsubscribe(`coterie:${name}`, hear));
    }
    return this;
  }

  off(): void {
    for (const off of this.#off) off();
  }

  of<N extends Name>(name: N): DiagnosticEvents[N][] {
    // What is published on a channel is what its type says.
    return this.heard.filter((one) => one.name === name).map(({ event }) => event as DiagnosticEvents[N]);
  }
}

let world: World;
let listener: Listener;
beforeEach(() => {
  world = new World();
  listener = new Listener();
});
afterEach(async () => {
  listener.off();
  await world.end();
});

describe('diagnostic channels', () => {
  test('tell of an acquisition from its beginning to its release, with how long it waited and was held', async () => {
    listener.on('acquire', 'wait', 'hold', 'release', 'lost');
    const [first, second] = [world.node(), world.node()];
    const held = await new Mutex(first.client, '/lock').acquire();
    const waiting = new Mutex(second.client, '/lock').acquire();
    await world.clock.advance(500);
    await held.release();
    const next = await world.run(waiting);
    await world.clock.advance(200);
    await next.release();
    expect(listener.heard.map(({ name }) => name)).toEqual([
      ...['acquire', 'hold', 'acquire', 'wait', 'release', 'hold', 'release'],
    ]);
    const [a, b] = listener.of('hold');
    expect(a).toMatchObject({ path: '/lock', key: held.key, token: held.token, waitedMs: 0 });
    expect(b).toMatchObject({ path: '/lock', key: next.key, token: next.token, waitedMs: 500 });
    expect(listener.of('wait')).toEqual([{ path: '/lock', key: next.key, blocker: held.key }]);
    expect(listener.of('release')).toEqual([
      { key: held.key, token: held.token, stillHeld: true, heldMs: 500 },
      { key: next.key, token: next.token, stillHeld: true, heldMs: 200 },
    ]);
  });

  test('tell of a loss, by its code', async () => {
    listener.on('lost');
    const { client, store } = world.node();
    const hold = await new Mutex(client, '/lock').acquire();
    store.partition();
    await world.clock.advance(10_000);
    expect(hold.isHeld()).toBe(false);
    expect(listener.of('lost')).toMatchObject([{ key: hold.key, token: hold.token, code: 'SESSION_LOST' }]);
  });

  test('tell of a campaign, without its value', async () => {
    listener.on('campaign', 'hold');
    const { client } = world.node();
    await (await new Election(client, '/election').campaign('secret')).resign();
    expect(listener.of('campaign')).toEqual([{ path: '/election' }]);
    expect(
      JSON.stringify(listener.heard, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
    ).not.toContain('secret');
  });

  test('tell how each commit ended', async () => {
    listener.on('commit');
    const { client, store } = world.node();
    await client.store.commit([absent('/a')], [put('/a', '1')]);
    await client.store.commit([absent('/a')], [put('/a', '2'), put('/b', '2')]);
    store.delay(100);
    await world.run(client.store.commit([], [put('/a', 'x', 'no-such-lease')]).catch(() => {}));
    expect(listener.of('commit')).toEqual([
      { store: 'memory', guards: 1, ops: 1, outcome: 'applied', durationMs: 0 },
      { store: 'memory', guards: 1, ops: 2, outcome: 'refused', durationMs: 0 },
      { store: 'memory', guards: 0, ops: 1, outcome: 'LEASE_NOT_FOUND', durationMs: 0 },
    ]);
  });

  test('tell of a watch that shows its range anew, and not of its first look', async () => {
    listener.on('resync');
    const store = world.cluster.store();
    const watch = store.watch({ prefix: '/many/' });
    await watch.next();
    const big = new Uint8Array(1_000_000);
    for (let n = 0; n < 20; n++) await store.commit([], [put(`/many/${n}`, big)]);
    expect(listener.of('resync')).toEqual([]);
    await watch.next();
    expect(listener.of('resync')).toEqual([{ range: '/many/', revision: expect.any(BigInt), entries: 20 }]);
    await store.close();
  });

  test('make no event where nobody listens', () => {
    for (const channel of Object.values(diagnostics)) expect(channel.hasSubscribers).toBe(false);
    listener.on('hold');
    expect(diagnostics.hold.hasSubscribers).toBe(true);
    expect(diagnostics.wait.hasSubscribers).toBe(false);
  });
});
