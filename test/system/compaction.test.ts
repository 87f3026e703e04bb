import { Election, Mutex } from 'coterie';
import { expect, test } from 'vitest';
import { lineOf } from './line-of.js';
import { Observer } from './observer.js';
import { at, follow, only, soon } from './tools.js';
import { forEachEtcd } from './world.js';

await forEachEtcd((etcd) => {
  const lock = () => `${etcd.path}/lock`;
  const path = () => `${etcd.path}/election`;

  test('a wait goes on over compactions, and the handoff after them is prompt', async () => {
    const { hold, waiting } = await lineOf(etcd, lock(), etcd.clients(3));
    for (let i = 0; i < 5; i++) await etcd.compact();
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['pending', 'pending']);
    await hold.release();
    const next = await soon('the handoff', at(waiting, 0).done);
    await etcd.compact();
    await next.release();
    await soon('the handoff', at(waiting, 1).done);
  });

  test('a wait, and an observer, that were cut off while their past was compacted find out how it is now', async () => {
    const { client, proxy } = await etcd.proxied();
    const near = etcd.client();
    const [mutex, far] = [new Mutex(near, lock()), new Mutex(client, lock())];
    const hold = await mutex.acquire();
    const waiting = follow(far.acquire());
    await etcd.keysOnce(2, lock());
    const term = await new Election(near, path()).campaign('before');
    const observer = new Observer(new Election(client, path()));
    await observer.sees('before');
    proxy.refuse();
    proxy.cut();
    await hold.release();
    await term.resign();
    await new Election(near, path()).campaign('between');
    await etcd.compact();
    proxy.heal();
    await soon('the handoff', waiting.done);
    await observer.sees('between');
    expect(observer.inOrder).toBe(true);
    await observer.stop();
  });

  test('an observer that begins after its past was compacted sees how it is (TestElectionObserveCompacted)', async () => {
    const term = await new Election(etcd.client(), path()).campaign('leader');
    await etcd.compact();
    await etcd.compact();
    const observer = new Observer(new Election(etcd.client(), path()));
    await observer.sees('leader');
    expect(only(observer.observations)).toMatchObject({ token: term.token });
    await etcd.compact();
    await term.proclaim('leader still');
    await observer.sees('leader still');
    await observer.stop();
  });
});
