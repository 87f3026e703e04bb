import { type Client, Election, put, remove, type Term } from 'coterie';
import { expect, test } from 'vitest';
import { Observer } from './observer.js';
import { aborted, at, follow, rises, soon, until } from './tools.js';
import { forEachStore, shortTtlMs } from './world.js';

await forEachStore((world) => {
  const path = () => `${world.path}/election`;
  const electionOf = (client: Client) => new Election(client, path());

  test('every observer sees all leaders, once each and in order (TestElectionWait)', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const observers = world.clients(3).map((client) => new Observer(electionOf(client)));
    const terms: Term[] = [];
    const leading = world.clients(4).map(async (client, i) => {
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

  test('the death of a leader is seen as the next term, soon after the end of its lease (TestElectionFailover)', async () => {
    world.leavesLeases();
    const { client, proxy } = await world.proxied({ ttlMs: shortTtlMs });
    const first = await electionOf(client).campaign('first');
    const observer = new Observer(electionOf(world.client()));
    await observer.sees('first');
    const second = follow(electionOf(world.client()).campaign('second'));
    await world.keysOnce(2, path());
    const lost = aborted(first.signal).then(() => second.outcome);
    proxy.dropAll();
    const term = await soon('the next term', second.done, world.expiryMs(shortTtlMs));
    expect(await lost).toBe('pending');
    await observer.sees('second');
    expect(observer.seen).toEqual(['first', 'second']);
    expect(tokensOf(observer)).toEqual([first.token, term.token]);
    await expect(first.proclaim('still me')).rejects.toMatchObject({ code: 'SESSION_LOST' });
    await observer.stop();
  });

  test('an observer that was cut off while leaders came and went sees who leads when it is back', async () => {
    const { client, proxy } = await world.proxied();
    const near = electionOf(world.client());
    const first = await near.campaign('before');
    const observer = new Observer(electionOf(client));
    await observer.sees('before');
    proxy.refuse();
    proxy.cut();
    await first.resign();
    await (await near.campaign('meanwhile')).resign();
    const last = await near.campaign('after');
    proxy.heal();
    await observer.sees('after');
    expect(observer.inOrder).toBe(true);
    expect(tokensOf(observer).at(-1)).toBe(last.token);
    await observer.stop();
  });

  test('a client that campaigns twice leads by one candidacy at a time (TestElectionSessionRecampaign)', async () => {
    const client = world.client();
    const session = await client.openSession();
    const first = await new Election(client, path(), { session }).campaign('one');
    const again = follow(new Election(client, path(), { session }).campaign('two'));
    await world.keysOnce(2, path());
    expect(again.outcome).toBe('pending');
    expect(await electionOf(client).leader()).toMatchObject({ value: 'one', token: first.token });
    await first.resign();
    await soon('the second term', again.done);
    expect(await electionOf(client).leader()).toMatchObject({ value: 'two' });
    await session.close();
  });

  test('keys beside the election do not count as candidates (TestElectionOnPrefixOfExistingKey)', async () => {
    const beside = [`${path()}2/x`, path(), `${path()}.x`];
    const { store } = world.admin;
    await store.commit(
      [],
      beside.map((key) => put(key, 'no candidate')),
    );
    const election = electionOf(world.client());
    const observer = new Observer(election);
    await observer.sees('vacant');
    const term = await soon('the term', election.campaign('me'));
    expect(await election.candidates()).toHaveLength(1);
    await observer.sees('me');
    await store.commit([], [put(at(beside, 0), 'still none')]);
    await term.resign();
    await observer.sees('vacant');
    expect(observer.seen).toEqual(['vacant', 'me', 'vacant']);
    await store.commit([], beside.map(remove));
    await observer.stop();
  });

  test('a leader that is asked to lead goes on after its lease was revoked, in a new term', async () => {
    const client = world.client();
    const observer = new Observer(electionOf(world.client()));
    const tokens: bigint[] = [];
    const leading = electionOf(client).lead('me', async (term, signal) => {
      tokens.push(term.token);
      if (tokens.length === 1) await aborted(signal);
      return tokens.length;
    });
    await until('the first term', () => tokens.length === 1);
    await world.revoke((await client.session()).lease);
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
