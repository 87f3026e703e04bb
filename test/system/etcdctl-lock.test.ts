import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hold, Mutex } from 'coterie';
import { expect, test } from 'vitest';
import { scratchDir } from '../servers/watchdog.js';
import type { Program } from './program.js';
import { follow, only, promptMs, rises, soon, until } from './tools.js';
import { type EtcdWorld, expirySlackMs, forEachEtcd, shortTtlMs } from './world.js';

await forEachEtcd((etcd) => {
  const lock = () => `${etcd.path}/lock`;

  test('what etcdctl holds is busy for a Mutex, and goes to it once etcdctl is interrupted', async () => {
    const program = etcd.etcdctl('lock', lock());
    const key = await program.line(0);
    const mutex = new Mutex(etcd.client(), lock());
    expect(await mutex.tryAcquire()).toBeUndefined();
    expect(await mutex.holder()).toEqual({ key, token: expect.any(BigInt) });
    const waiting = follow(mutex.acquire());
    const [first, second] = await etcd.keysOnce(2, lock());
    expect(first).toBe(key);
    expect(waiting.outcome).toBe('pending');
    await program.end('SIGINT');
    const hold = await soon('the handoff', waiting.done);
    expect(hold.key).toBe(second);
    expect(hold.isHeld()).toBe(true);
    expect(await etcd.keys(lock())).toEqual([hold.key]);
  });

  test('what a Mutex holds, etcdctl waits for, and gets at the release', async () => {
    const mutex = new Mutex(etcd.client(), lock());
    const hold = await mutex.acquire();
    const program = etcd.etcdctl('lock', lock());
    const waiter = only(await until('etcdctl in line', async () => nonEmpty(await mutex.waiters())));
    expect(waiter.key).toMatch(new RegExp(`^${lock()}/[0-9a-f]+$`));
    expect(program.lines).toEqual([]);
    await hold.release();
    expect(await program.line(0)).toBe(waiter.key);
    expect(await mutex.holder()).toEqual(waiter);
    expect(waiter.token).toBeGreaterThan(hold.token);
    await program.end('SIGINT');
    expect(await mutex.holder()).toBeUndefined();
  });

  test('a waiting etcdctl that is interrupted leaves the line, and the Mutex behind it goes on waiting', async () => {
    const [a, b] = etcd.clients(2).map((client) => new Mutex(client, lock())) as [Mutex, Mutex];
    const hold = await a.acquire();
    const program = etcd.etcdctl('lock', lock());
    const [, middle] = await etcd.keysOnce(2, lock());
    const waiting = follow(b.acquire());
    await etcd.keysOnce(3, lock());
    await program.end('SIGINT');
    const left = await etcd.keysOnce(2, lock());
    expect(left).not.toContain(middle);
    expect(waiting.outcome).toBe('pending');
    expect(hold.isHeld()).toBe(true);
    await hold.release();
    expect((await soon('the handoff', waiting.done)).key).toBe(left[1]);
  });

  test('etcdctl and Mutex in turn are served in the order in which they came, with growing tokens', async () => {
    const contenders = await lineUp(etcd, lock());
    const keys = await etcd.keys(lock());
    const tokens: bigint[] = [];
    for (const [at, contender] of contenders.entries()) {
      expect(await keyOf(contender)).toBe(keys[at]);
      // Who comes later may not have been told that it holds, now that this one is known to.
      for (const later of contenders.slice(at + 1)) expect(isServed(later)).toBe(false);
      const holder = await new Mutex(etcd.admin, lock()).holder();
      expect(holder?.key).toBe(keys[at]);
      tokens.push(holder?.token ?? 0n);
      await leave(contender);
    }
    expect(tokens).toHaveLength(6);
    expect(rises(tokens)).toBe(true);
  });

  test('a command under etcdctl lock runs only while a Mutex does not hold', async () => {
    const dir = scratchDir('command');
    const [go, done] = [join(dir, 'go'), join(dir, 'done')];
    const script = `echo "in $ETCD_LOCK_KEY"; while [ ! -e ${go} ]; do sleep 0.02; done; echo x >${done}`;
    const mutex = new Mutex(etcd.client(), lock());
    const hold = await mutex.acquire();
    const program = etcd.etcdctl('lock', lock(), '--', 'sh', '-c', script);
    const [, key] = await etcd.keysOnce(2, lock());
    expect(program.lines).toEqual([]);
    await hold.release();
    expect(await program.line(0)).toBe(`in ${key}`);
    const waiting = follow(mutex.acquire());
    await etcd.keysOnce(2, lock());
    expect(await mutex.tryAcquire()).toBeUndefined();
    expect(waiting.outcome).toBe('pending');
    expect(existsSync(done)).toBe(false);
    const seen = waiting.done.then(() => existsSync(done));
    writeFileSync(go, '');
    expect(await soon('the handoff', seen)).toBe(true);
    expect((await program.exited).code).toBe(0);
  });

  test('an etcdctl that dies while it holds keeps the lock for as long as its lease lives, and no longer', async () => {
    const program = etcd.etcdctl('lock', '--ttl', '2', lock());
    const key = await program.line(0);
    const waiting = follow(new Mutex(etcd.client(), lock()).acquire());
    await etcd.keysOnce(2, lock());
    await program.end('SIGKILL');
    const died = performance.now();
    // The lease is what holds now: its key is there although nobody is behind it.
    expect(await etcd.keys(lock())).toContain(key);
    const hold = await soon('the end of the lease', waiting.done, shortTtlMs + expirySlackMs);
    // etcdctl renews each TTL / 3, which it looks at each 500 ms: so much of the lease at least was left.
    expect(performance.now() - died).toBeGreaterThan(shortTtlMs - shortTtlMs / 3 - 500 - 100);
    expect(await etcd.hasLease(key.slice(lock().length + 1))).toBe(false);
    expect(await etcd.keys(lock())).toEqual([hold.key]);
  });

  test('paths of which one begins with the other do not interfere', async () => {
    const [path, sibling] = [lock(), `${lock()}2`];
    const program = etcd.etcdctl('lock', sibling);
    await program.line(0);
    const client = etcd.client();
    const hold = await new Mutex(client, path).tryAcquire();
    expect(hold?.isHeld()).toBe(true);
    expect(await new Mutex(client, sibling).tryAcquire()).toBeUndefined();
    const third = etcd.etcdctl('lock', `${lock()}3`);
    await third.line(0, promptMs);
    expect(hold?.isHeld()).toBe(true);
    expect(await new Mutex(client, path).waiters()).toEqual([]);
  });
});

function nonEmpty<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}

type Contender =
  | { readonly kind: 'etcdctl'; readonly program: Program }
  | { readonly kind: 'mutex'; readonly hold: ReturnType<typeof follow<Hold>> };

/** Six, in turn, each in line before the next one comes. */
async function lineUp(etcd: EtcdWorld, path: string): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (let i = 0; i < 6; i++) {
    contenders.push(
      i % 2 === 0
        ? { kind: 'etcdctl', program: etcd.etcdctl('lock', path) }
        : { kind: 'mutex', hold: follow(new Mutex(etcd.client(), path).acquire()) },
    );
    await etcd.keysOnce(i + 1, path);
  }
  return contenders;
}

function isServed(contender: Contender): boolean {
  return contender.kind === 'etcdctl' ? contender.program.lines.length > 0 : contender.hold.outcome !== 'pending';
}

async function keyOf(contender: Contender): Promise<string> {
  if (contender.kind === 'etcdctl') return contender.program.line(0);
  return (await soon('the handoff', contender.hold.done)).key;
}

async function leave(contender: Contender): Promise<void> {
  if (contender.kind === 'etcdctl') await contender.program.end('SIGINT');
  else expect(await contender.hold.value?.release()).toBe(true);
}
