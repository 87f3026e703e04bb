import { type Client, Election, type Term } from 'coterie';
import { expect, test } from 'vitest';
import { Observer } from './observer.js';
import { aborted, at, follow, rises, soon, until } from './tools.js';
import { expirySlackMs, forEachEtcd, shortTtlMs } from './world.js';

await forEachEtcd((etcd) => {
  const path = () => `${etcd.path}/election`;
  const electionOf = (client: Client) => new Election(client, path());

  test('every observer sees all leaders, once each and in order (TestElectionWait)', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const observers = etcd.clients(3).map((client) => new Observer(electionOf(client)));
    const terms: Term[] = [];
    const leading = etcd.clients(4).map(async (client, i) => {
      const term = await electionOf(client).campaign(at(names, i));
      terms.push(term);
      for (const observer of observers) await until('it to be seen', () => tokensOf(observer).includes(term.token));
      expect(await term.resign()).toBe(true);
    });
    await soon('all terms', Promise.all(leading));
    for (const observer of observers) {
      await observer.sees('vacant');
      expect(tokensOf(observer)).toEqual(terms.map(({ token }) => token));
      expect(observer.inOrder).toBe(true);
      await observer.stop();
    }
    expect(rises(terms.map(({ token }) => token))).toBe(true);
  });

  test('the death of a leader is seen as the next term, soon after its TTL (TestElectionFailover)', async () => {
    etcd.leavesLeases();
    const { client, proxy } = await etcd.proxied({ ttlMs: shortTtlMs });
    const first = await electionOf(client).campaign('first');
    const observer = new Observer(electionOf(etcd.client()));
    await observer.sees('first');
    const second = follow(electionOf(etcd.client()).campaign('second'));
    await etcd.keysOnce(2, path());
    const lost = aborted(first.signal).then(() => second.outcome);
    proxy.dropAll();
    const term = await soon('the next term', second.done, shortTtlMs + expirySlackMs);
    expect(await lost).toBe('pending');
    await observer.sees('second');
    expect(observer.seen).toEqual(['first', 'second']);
    expect(tokensOf(observer)).toEqual([first.token, term.token]);
    await expect(first.proclaim('still me')).rejects.toMatchObject({ code: 'SESSION_LOST' });
    await observer.stop();
  });

  test('a client that campaigns twice leads by one candidacy at a time (TestElectionSessionRecampaign)', async () => {
    const client = etcd.client();
    const session = await client.openSession();
    const first = await new Election(client, path(), { session }).campaign('one');
    const again = follow(new Election(client, path(), { session }).campaign('two'));
    await etcd.keysOnce(2, path());
    expect(again.outcome).toBe('pending');
    expect(await electionOf(client).leader()).toMatchObject({ value: 'one', token: first.token });
    await first.resign();
    await soon('the second term', again.done);
    expect(await electionOf(client).leader()).toMatchObject({ value: 'two' });
    await session.close();
  });

  test('keys beside the election do not count as candidates (TestElectionOnPrefixOfExistingKey)', async () => {
    const beside = [`${path()}2/x`, path(), `${path()}.x`];
    for (const key of beside) await etcd.run('put', key, 'no candidate');
    const election = electionOf(etcd.client());
    const observer = new Observer(election);
    await observer.sees('vacant');
    const term = await soon('the term', election.campaign('me'));
    expect(await election.candidates()).toHaveLength(1);
    await observer.sees('me');
    await etcd.run('put', at(beside, 0), 'still none');
    await term.resign();
    await observer.sees('vacant');
    expect(observer.seen).toEqual(['vacant', 'me', 'vacant']);
    for (const key of beside) await etcd.run('del', key);
    await observer.stop();
  });

  test('an observer that begins after its past was compacted sees how it is (TestElectionObserveCompacted)', async () => {
    const term = await electionOf(etcd.client()).campaign('leader');
    await etcd.compact();
    await etcd.compact();
    const observer = new Observer(electionOf(etcd.client()));
    await observer.sees('leader');
    expect(tokensOf(observer)).toEqual([term.token]);
    await etcd.compact();
    await term.proclaim('leader still');
    await observer.sees('leader still');
    await observer.stop();
  });

  test('a leader that is asked to lead goes on after its lease was revoked, in a new term', async () => {
    const client = etcd.client();
    const observer = new Observer(electionOf(etcd.client()));
    const tokens: bigint[] = [];
    const leading = electionOf(client).lead('me', async (term, signal) => {
      tokens.push(term.token);
      if (tokens.length === 1) await aborted(signal);
      return tokens.length;
    });
    await until('the first term', () => tokens.length === 1);
    await etcd.run('lease', 'revoke', (await client.session()).lease);
    expect(await soon('the second term', leading)).toBe(2);
    expect(rises(tokens)).toBe(true);
    await observer.sees('vacant');
    await observer.stop();
  });
});

/** The terms that were seen, without what was proclaimed in them. */
function tokensOf(observer: Observer): bigint[] {
  const tokens = observer.observations.flatMap((one) => (one.leader === undefined ? [] : [one.token]));
  return tokens.filter((token, i) => token !== tokens[i - 1]);
}
