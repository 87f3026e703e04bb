import { describe, expect, test } from 'vitest';
import { textCodec } from '../../../src/core/typed.js';
import { SharedValue } from '../../../src/recipes/shared-value.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { codeOf } from '../../rejections.js';
import { sharedValueSuite } from '../../suites/shared-value.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type World, watched } from './world.js';

onMemory(sharedValueSuite);

const path = '/values/config';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
}, path);

function value<T>(options = {}): SharedValue<T> {
  return new SharedValue<T>(world.node().client, path, options);
}

describe('get and set', () => {
  test('what is set is what is read, by whomever', async () => {
    const [a, b] = [value<object>(), value<object>()];
    expect(await a.get()).toBeUndefined();
    await a.set({ rate: 10 });
    expect(await b.get()).toEqual({ rate: 10 });
    await b.set({ rate: 20 });
    expect(await a.get()).toEqual({ rate: 20 });
  });

  test('set costs one round trip, even while others write', async () => {
    const [a, b] = [world.node(), world.node()];
    const [one, other] = [new SharedValue<number>(a.client, path), new SharedValue<number>(b.client, path)];
    await one.set(1);
    for (let i = 0; i < 3; i++) {
      await other.set(i);
      const before = a.store.requestCount;
      await one.set(i + 10);
      expect(a.store.requestCount - before).toBe(1);
    }
  });

  test('a set whose answer is lost is not made again over what another has set since', async () => {
    const { client, store } = world.node();
    const one = new SharedValue<string>(client, path);
    await one.set('before');
    store.dropAnswers({ verb: 'commit' });
    const setting = watched(one.set('mine'));
    await settle();
    await value<string>().set('theirs');
    await world.clock.advance(5_000);
    expect(setting.outcome).toBe('resolved');
    expect(await one.get()).toBe('theirs');
  });

  test('values go through codec and schema, both ways', async () => {
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (given: unknown) =>
          typeof given === 'string' && given !== 'bad'
            ? { value: given.trim() }
            : { issues: [{ message: 'not what it should be' }] },
      },
    };
    const one = value<string>({ codec: textCodec, schema });
    await one.set('  a  ');
    expect(Buffer.from(world.cluster.entries().find(({ key }) => key === path)?.value ?? []).toString()).toBe('a');
    expect(await codeOf(one.set('bad'))).toBe('INVALID_VALUE');
    expect(await codeOf(one.update(() => 'bad'))).toBe('INVALID_VALUE');
    expect(await one.update((before) => ` ${before}b `)).toBe('ab');
    world.cluster.putKey(path, 'bad');
    expect(await codeOf(one.get())).toBe('INVALID_VALUE');
    expect(await codeOf(one.update(() => 'good'))).toBe('INVALID_VALUE');
    await one.set('good again');
    expect(await one.get()).toBe('good again');
  });
});

describe('update', () => {
  test('sees undefined where there is nothing, and the last value otherwise', async () => {
    const seen: unknown[] = [];
    const note = (made: number) => (before: number | undefined) => {
      seen.push(before);
      return made;
    };
    const one = value<number>();
    expect(await one.update(note(1))).toBe(1);
    expect(await one.update(note(2))).toBe(2);
    expect(seen).toEqual([undefined, 1]);
  });

  test('costs one round trip where nobody else writes', async () => {
    const { client, store } = world.node();
    const one = new SharedValue<number>(client, path);
    await one.set(1);
    const before = store.requestCount;
    await one.update((n = 0) => n + 1);
    expect(store.requestCount - before).toBe(1);
  });

  test('loses none of many made at once', async () => {
    const all = Array.from({ length: 30 }, () => value<number[]>());
    await world.run(Promise.all(all.map((one, i) => one.update((list = []) => [...list, i]))));
    expect(((await all[0]?.get()) ?? []).sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
  });

  test('those made at once through one object are made one after the other', async () => {
    const { client, store } = world.node();
    const one = new SharedValue<number>(client, path);
    await world.run(Promise.all(Array.from({ length: 20 }, () => one.update(async (n = 0) => n + 1))));
    expect(await one.get()).toBe(20);
    expect(store.requests.commit).toBe(20);
  });

  test('that returns undefined writes nothing, and has looked at the value of now', async () => {
    const [one, other] = [value<number>(), value<number>()];
    await one.set(1);
    await other.set(2);
    expect(await one.update((n) => (n === 1 ? undefined : n))).toBe(2);
    expect(await one.update(() => undefined)).toBe(2);
    expect(await value<number>().update(() => undefined)).toBe(2);
  });

  test('a change that throws is not made, and its error was not caused by an old value', async () => {
    const [one, other] = [value<number>(), value<number>()];
    await one.set(1);
    await other.set(2);
    const picky = (n: number | undefined) => {
      if (n !== 2) throw new Error(`not ${n}`);
      return 3;
    };
    expect(await one.update(picky)).toBe(3);
    await expect(one.update(picky)).rejects.toThrow('not 3');
    expect(await other.get()).toBe(3);
  });

  test('is made once where its answer is lost, and resolves to what it made, not to what came after', async () => {
    const { client, store } = world.node();
    const one = new SharedValue<number[]>(client, path);
    await one.set([0]);
    store.dropAnswers({ verb: 'commit' });
    const updating = watched(one.update((list = []) => [...list, 1]));
    await settle();
    await value<number[]>().update((list = []) => [...list, 2]);
    await world.clock.advance(5_000);
    expect(updating).toMatchObject({ outcome: 'resolved', value: [0, 1] });
    expect(await one.get()).toEqual([0, 1, 2]);
  });

  test('an async change that is aborted writes nothing', async () => {
    const one = value<number>();
    const aborter = new AbortController();
    let finish = (_: number): void => {};
    const slow = new Promise<number>((resolve) => {
      finish = resolve;
    });
    const updating = watched(one.update(() => slow, { signal: aborter.signal }));
    await settle();
    aborter.abort(new Error('enough'));
    await settle();
    expect(updating).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
    finish(7);
    await world.clock.advance(5_000);
    expect(await one.get()).toBeUndefined();
  });
});

describe('delete', () => {
  test('tells whether there was a value, and one that is written after stays', async () => {
    const { client, store } = world.node();
    const one = new SharedValue<number>(client, path);
    expect(await one.delete()).toBe(false);
    await one.set(1);
    store.dropAnswers({ verb: 'commit' });
    const deleting = watched(one.delete());
    await settle();
    await value<number>().set(2);
    await world.clock.advance(5_000);
    expect(deleting).toMatchObject({ outcome: 'resolved', value: true });
    expect(await one.get()).toBe(2);
  });

  test('what was to be written first, and comes late, does not come back after a deletion', async () => {
    const { client, store } = world.node();
    await client.session();
    // The first attempt takes five seconds to get there; what is sent after it is quicker.
    store.delay(10_000);
    const updating = watched(new SharedValue<number>(client, path).update((n = 1) => n));
    await settle();
    store.delay(0);
    await world.clock.advance(2_500);
    expect(updating.outcome).toBe('resolved');
    expect(await value<number>().delete()).toBe(true);
    await world.clock.advance(10_000);
    expect(updating).toMatchObject({ outcome: 'resolved', value: 1 });
    expect(await value<number>().get()).toBeUndefined();
  });
});

describe('changes', () => {
  test('begin with what is there, and end with the last state, through outages', async () => {
    const writer = value<number>();
    await writer.set(1);
    const { client, store } = world.node();
    const seen: unknown[] = [];
    const aborter = new AbortController();
    const following = watched(
      (async () => {
        const changes = new SharedValue<number>(client, path).changes({ signal: aborter.signal });
        for await (const { value: now } of changes) seen.push(now);
      })(),
    );
    await settle();
    await writer.set(2);
    await settle();
    store.interrupt();
    await settle();
    store.partition();
    for (let i = 3; i < 9; i++) await writer.set(i);
    await writer.delete();
    store.heal();
    await settle();
    await writer.set(10);
    await settle();
    aborter.abort(new Error('enough'));
    await settle();
    expect(seen).toEqual([1, 2, undefined, 10]);
    expect(following).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
  });

  test('break ends the watch', async () => {
    const one = value<number>();
    for await (const { value: now } of one.changes()) {
      expect(now).toBeUndefined();
      break;
    }
  });
});

test('bad input is refused before anything is sent', async () => {
  const { client, store } = world.node();
  expect(() => new SharedValue(client, '')).toThrow(/empty/);
  expect(() => new SharedValue(client, path, { codec: {} } as object)).toThrow(/codec/);
  const one = new SharedValue<unknown>(client, path);
  expect(await codeOf(one.set(undefined))).toBe('INVALID_VALUE');
  expect(await codeOf(one.update(7 as unknown as () => 1))).toBe('INVALID_OPTION');
  expect(await codeOf(one.get({ timeoutMs: -1 }))).toBe('INVALID_TIMEOUT');
  expect(await codeOf(one.changes({ timeoutMs: -1 }).next())).toBe('INVALID_TIMEOUT');
  expect(store.requestCount).toBe(0);
});
