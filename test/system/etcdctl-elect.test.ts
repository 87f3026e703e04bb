import { Election } from 'coterie';
import { expect, test } from 'vitest';
import { Observer } from './observer.js';
import { type Followed, follow, rises, soon } from './tools.js';
import { forEachEtcd } from './world.js';

await forEachEtcd((etcd) => {
  const path = () => `${etcd.path}/election`;

  test('an etcdctl that leads is seen with its value, and a campaign is won once it steps down', async () => {
    const program = etcd.etcdctl('elect', path(), 'from etcdctl');
    const key = await program.line(0);
    expect(await program.line(1)).toBe('from etcdctl');
    const election = new Election(etcd.client(), path());
    expect(await election.leader()).toMatchObject({ leader: key, value: 'from etcdctl' });
    const campaign = follow(election.campaign('from coterie'));
    await etcd.keysOnce(2, path());
    const standing = await election.candidates();
    expect(standing.map(({ value }) => value)).toEqual(['from etcdctl', 'from coterie']);
    expect(campaign.outcome).toBe('pending');
    await program.end('SIGINT');
    const term = await soon('the handoff', campaign.done);
    expect(term.token).toBeGreaterThan(standing[0]?.token ?? term.token);
    expect(await election.candidates()).toMatchObject([{ leader: term.key, value: 'from coterie', token: term.token }]);
  });

  test('an etcdctl that stands waits for our term to end, and then leads', async () => {
    const election = new Election(etcd.client(), path());
    const term = await election.campaign('from coterie');
    const program = etcd.etcdctl('elect', path(), 'from etcdctl');
    const [, key] = await etcd.keysOnce(2, path());
    expect(program.lines).toEqual([]);
    expect(await election.leader()).toMatchObject({ leader: term.key });
    expect(await term.resign()).toBe(true);
    expect(await program.line(0)).toBe(key);
    expect(await election.leader()).toMatchObject({ leader: key, value: 'from etcdctl' });
    await program.end('SIGINT');
    expect(await election.leader()).toBeUndefined();
  });

  test('etcdctl elect -l sees who leads, what is proclaimed, and who comes next', async () => {
    const election = new Election(etcd.client(), path());
    const first = await election.campaign('one');
    const listener = etcd.etcdctl('elect', '-l', path());
    await listener.line(1);
    await first.proclaim('two');
    await listener.line(3);
    const second = follow(election.campaign('three'));
    await etcd.keysOnce(2, path());
    await first.resign();
    const { key } = await soon('the handoff', second.done);
    await listener.line(5);
    expect(listener.lines).toEqual([first.key, 'one', first.key, 'two', key, 'three']);
  });

  test('observe sees terms of etcdctl and of ours, new values, and vacancies, in order', async () => {
    const observer = new Observer(new Election(etcd.client(), path()));
    await observer.sees('vacant');
    const program = etcd.etcdctl('elect', path(), 'etcdctl');
    await observer.sees('etcdctl');
    // Its own key by another's hand: etcdctl has no command to proclaim with.
    await etcd.run('put', '--ignore-lease', await program.line(0), 'etcdctl, busy');
    await observer.sees('etcdctl, busy');
    const campaign = follow(new Election(etcd.client(), path()).campaign('coterie'));
    await etcd.keysOnce(2, path());
    await program.end('SIGINT');
    await observer.sees('coterie');
    await (await campaign.done).resign();
    await observer.sees('vacant');
    expect(observer.seen).toEqual(['vacant', 'etcdctl', 'etcdctl, busy', 'coterie', 'vacant']);
    expect(observer.inOrder).toBe(true);
    await observer.stop();
  });

  test('a leader whose value is changed by another hand goes on leading', async () => {
    const election = new Election(etcd.client(), path());
    const term = await election.campaign('mine');
    await etcd.run('put', '--ignore-lease', term.key, 'edited');
    expect(await election.leader()).toMatchObject({ value: 'edited', token: term.token });
    await term.proclaim('mine again');
    expect(term.isHeld()).toBe(true);
    expect(await election.leader()).toMatchObject({ value: 'mine again', token: term.token });
  });

  test('candidates of both kinds lead in the order in which they stood, with growing terms', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const leave: (() => Promise<unknown>)[] = [];
    const ours: Followed<unknown>[] = [];
    for (const [i, name] of names.entries()) {
      if (i % 2 === 0) {
        const campaign = follow(new Election(etcd.client(), path()).campaign(name));
        ours.push(campaign);
        leave.push(async () => (await campaign.done).resign());
      } else {
        const program = etcd.etcdctl('elect', path(), name);
        leave.push(async () => (await program.line(1)) === name && program.end('SIGINT'));
      }
      await etcd.keysOnce(i + 1, path());
    }
    const election = new Election(etcd.client(), path());
    const observer = new Observer(election);
    const standing = await election.candidates();
    expect(standing.map(({ value }) => value)).toEqual(names);
    expect(rises(standing.map(({ token }) => token))).toBe(true);
    for (const [i, resign] of leave.entries()) {
      await observer.sees(names[i] ?? '');
      expect(ours.filter(({ outcome }) => outcome === 'resolved').length).toBeLessThanOrEqual(i / 2 + 1);
      await soon(`the term of ${names[i]}`, resign());
    }
    await observer.sees('vacant');
    expect(observer.seen).toEqual([...names, 'vacant']);
    expect(observer.observations.slice(0, 5).map((one) => one.leader && one.token)).toEqual(
      standing.map(({ token }) => token),
    );
    await observer.stop();
  });

  test('a candidate of etcdctl that gives up leaves the order of the others as it was', async () => {
    const election = new Election(etcd.client(), path());
    const first = await election.campaign('first');
    const program = etcd.etcdctl('elect', path(), 'gives up');
    await etcd.keysOnce(2, path());
    const second = follow(election.campaign('second'));
    await etcd.keysOnce(3, path());
    await program.end('SIGINT');
    await etcd.keysOnce(2, path());
    expect(second.outcome).toBe('pending');
    await first.resign();
    await soon('the handoff', second.done);
    expect(await election.leader()).toMatchObject({ value: 'second' });
  });

  test('a leading etcdctl whose lease is revoked is followed by the next candidate', async () => {
    const program = etcd.etcdctl('elect', path(), 'etcdctl');
    const key = await program.line(0);
    const campaign = follow(new Election(etcd.client(), path()).campaign('coterie'));
    await etcd.keysOnce(2, path());
    await etcd.run('lease', 'revoke', key.slice(path().length + 1));
    const term = await soon('the handoff', campaign.done);
    expect(term.isHeld()).toBe(true);
    expect(await etcd.keys(path())).toEqual([term.key]);
  });
});
