import { expect, test } from 'vitest';
import { grant, keepAlive, timeToLive } from '../../../src/dev/leases.js';
import { Refusal } from '../../../src/dev/refusal.js';
import { DevStore } from '../../../src/dev/store.js';
import { putOne } from '../../../src/dev/txn.js';
import { int64, number } from '../../../src/dev/wire.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

const key = Buffer.from('a');

function newStore(): { store: DevStore; clock: VirtualClock } {
  const clock = new VirtualClock();
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  return { store: new DevStore({ clock, random }), clock };
}

const put = (store: DevStore) => store.run((machine, steps) => putOne(machine, { key }, steps));

test('what could not be kept is not answered, nobody hears of it, and nothing is answered from then on', () => {
  const { store } = newStore();
  const heard: number[] = [];
  const failures: unknown[] = [];
  store.follow(({ revision }) => heard.push(revision));
  store.onFailure = (error) => failures.push(error);
  put(store);
  const full = new Error('no space left on device');
  store.keptBy({
    keep: () => {
      throw full;
    },
  });
  for (let n = 0; n < 3; n++) expect(() => put(store)).toThrow(expect.objectContaining({ name: 'Refusal', code: 14 }));
  expect(() => store.run(() => {})).toThrow(Refusal);
  expect(heard).toEqual([2]);
  expect(failures).toEqual([full]);
});

test('a change is kept before anyone hears of it', () => {
  const { store } = newStore();
  const order: string[] = [];
  store.follow(() => order.push('heard'));
  store.keptBy({ keep: () => order.push('kept') });
  put(store);
  expect(order).toEqual(['kept', 'heard']);
});

test('what was refused has not changed anything, but leases that ended before it have', async () => {
  const { store, clock } = newStore();
  store.run((machine, steps, now) => grant(machine, { ID: int64(5), TTL: int64(2) }, store.freshLease, now, steps));
  store.run((machine, steps) => putOne(machine, { key, lease: int64(5) }, steps));
  const steps: unknown[] = [];
  store.keptBy({ keep: (more) => steps.push(...more) });
  await clock.advance(2_000);
  expect(() => store.run((machine, more) => putOne(machine, { key, lease: int64(5) }, more))).toThrow(
    'requested lease not found',
  );
  expect(steps).toMatchObject([{ ended: '5', revision: { revision: 3 } }]);
  expect(store.machine.state.keys.size).toBe(0);
});

test('a lease ends at its time by itself, not before, and a renewal moves it', async () => {
  const { store, clock } = newStore();
  const ended: number[] = [];
  store.run((machine, steps, now) => grant(machine, { ID: int64(5), TTL: int64(10) }, store.freshLease, now, steps));
  store.run((machine, steps) => putOne(machine, { key, lease: int64(5) }, steps));
  store.follow(() => ended.push(clock.now()));
  const began = clock.now();
  await clock.advance(9_000);
  store.run((machine, _steps, now) => keepAlive(machine, { ID: int64(5) }, now));
  await clock.advance(4_500);
  const left = store.run((machine, _steps, now) => timeToLive(machine, { ID: int64(5) }, now));
  expect(number(left.TTL)).toBe(5);
  await clock.advance(20_000);
  expect(ended).toEqual([began + 19_000]);
  store.close();
});

test('ids of leases are positive, of 63 bits, and none is given twice', () => {
  const { store } = newStore();
  const ids = new Set(Array.from({ length: 1_000 }, () => BigInt(`0x${store.freshLease()}`)));
  expect(ids.size).toBe(1_000);
  for (const id of ids) expect(id > 0n && id < 2n ** 63n).toBe(true);
  expect([...ids].some((id) => id > 2n ** 61n)).toBe(true);
});
