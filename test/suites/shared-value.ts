import { SharedValue } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a shared value promises on every store. */
export const sharedValueSuite: Suite = (test) => {
  test('shared value: no update is lost between clients that update at once', async (world) => {
    const values = world.clients(4).map((client) => new SharedValue<string[]>(client, world.path));
    const append = async (value: SharedValue<string[]>, name: string) => {
      for (let i = 0; i < 3; i++) await value.update((list = []) => [...list, `${name}${i}`]);
    };
    await Promise.all(values.map((value, i) => append(value, 'abcd'.charAt(i))));
    const list = (await values[0]?.get()) ?? [];
    expect([...list].sort()).toEqual([...'abcd'].flatMap((name) => [0, 1, 2].map((i) => `${name}${i}`)));
  });

  test('shared value: its changes are followed in order, to the last, deletion and all', async (world) => {
    const [writer, reader] = world.clients(2).map((client) => new SharedValue<number>(client, world.path));
    const changes = reader?.changes();
    expect((await changes?.next())?.value).toMatchObject({ value: undefined });
    await writer?.set(1);
    const first = (await changes?.next())?.value;
    expect(first).toMatchObject({ value: 1 });
    expect(await writer?.delete()).toBe(true);
    expect(await writer?.delete()).toBe(false);
    const second = (await changes?.next())?.value;
    expect(second).toMatchObject({ value: undefined });
    expect(second?.revision).toBeGreaterThan(first?.revision ?? 0n);
    await changes?.return();
    expect(await reader?.get()).toBeUndefined();
  });
};
