import { describe, expect, test } from 'vitest';
import { isCoordinationError } from '../../../src/errors.js';
import { Election, type Observation } from '../../../src/recipes/election.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { inNewWorlds, ttlMs, type World, watched } from './world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const path = '/election/scheduler';

/** Collects what an observer sees, as "value" or "vacant", until it is stopped. */
function observing(election: Election): { seen: string[]; revisions: bigint[]; stop(): Promise<void> } {
  const controller = new AbortController();
  const seen: string[] = [];
  const revisions: bigint[] = [];
  const describeOne = (one: Observation) => (one.leader === undefined ? 'vacant' : one.value);
  const done = (async () => {
    for await (const one of election.observe({ signal: controller.signal })) {
      seen.push(describeOne(one));
      revisions.push(one.revision);
    }
  })().catch((error: unknown) => expect(error).toBe(controller.signal.reason));
  return {
    seen,
    revisions,
    stop: () => {
      controller.abort();
      return done;
    },
  };
}

describe('campaign', () => {
  test('is won after one commit when nobody leads', async () => {
    const { client, store } = world.node();
    await client.session();
    const before = store.requestCount;
    const term = await new Election(client, path).campaign('node-1');
    expect(store.requestCount - before).toBe(1);
    expect(term.isHeld()).toBe(true);
    expect(await new Election(client, path).leader()).toMatchObject({
      value: 'node-1',
      token: term.token,
      leader: term.key,
    });
  });

  test('candidates follow in the order in which they stood, with growing tokens', async () => {
    const nodes = ['a', 'b', 'c'].map((name) => ({ name, election: new Election(world.node().client, path) }));
    const terms = nodes.map(({ name, election }) => watched(election.campaign(name)));
    await settle();
    const values = (await nodes[0]?.election.candidates())?.map(({ value }) => value);
    expect(values).toEqual(['a', 'b', 'c']);
    for (const [i, term] of terms.entries()) {
      expect(term.outcome).toBe('resolved');
      for (const later of terms.slice(i + 1)) expect(later.outcome).toBe('pending');
      expect(await term.value?.resign()).toBe(true);
      await settle();
    }
    const tokens = terms.map(({ value }) => value?.token ?? 0n);
    expect([...tokens].sort((x, y) => Number(x - y))).toEqual(tokens);
  });

  test('never leads after its own candidacy vanished while it waited', async () => {
    const [a, b] = [world.node(), world.node()];
    const term = await new Election(a.client, path).campaign('a');
    const waiting = watched(new Election(b.client, path, { onSessionLost: 'reject' }).campaign('b'));
    await settle();
    world.cluster.revokeLease((await b.client.session()).lease);
    await term.resign();
    await world.clock.advance(ttlMs);
    expect(isCoordinationError(waiting.error, 'SESSION_LOST')).toBe(true);
    expect(await new Election(a.client, path).leader()).toBeUndefined();
  });

  test('a value that is no string is refused before anything is sent', async () => {
    const { client, store } = world.node();
    // The compiler would refuse it; a program in plain JavaScript would not.
    const attempt = new Election(client, path).campaign(7 as unknown as string);
    await expect(attempt).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    expect(store.requestCount).toBe(0);
  });
});

describe('proclaim', () => {
  test('changes the value, and keeps term and token', async () => {
    const { client } = world.node();
    const election = new Election(client, path);
    const term = await election.campaign('one');
    await term.proclaim('two');
    await world.clock.advance(500);
    expect(term.isHeld()).toBe(true);
    expect(await election.leader()).toMatchObject({ value: 'two', token: term.token });
  });

  test('of one who leads no more changes nothing', async () => {
    const { client } = world.node();
    const election = new Election(client, path);
    const first = await election.campaign('one');
    const waiting = watched(election.campaign('two'));
    await settle();
    await first.resign();
    await settle();
    await expect(first.proclaim('zombie')).rejects.toMatchObject({ code: 'RELEASED' });
    expect(await election.leader()).toMatchObject({ value: 'two', token: waiting.value?.token });
  });

  test('of one whose ticket is gone is refused by the store', async () => {
    const { client } = world.node();
    const term = await new Election(client, path).campaign('one');
    world.cluster.deleteKey(term.key);
    await expect(term.proclaim('zombie')).rejects.toMatchObject({ code: 'TICKET_LOST' });
    expect(world.keys()).toEqual([]);
  });

  test('of one whose ticket was overwritten says that it is lost, and does not pass for done', async () => {
    const { client } = world.node();
    const term = await new Election(client, path).campaign('one');
    world.cluster.putKey(term.key, 'by hand');
    await expect(term.proclaim('two')).rejects.toMatchObject({ code: 'TICKET_LOST' });
    await settle();
    expect(world.keys()).toEqual([]);
  });
});

describe('observe', () => {
  test('tells how it stands, every change of leader and value, and vacancies, in order', async () => {
    const [a, b, watcher] = [world.node(), world.node(), world.node()];
    const observer = observing(new Election(watcher.client, path));
    await settle();
    const first = await new Election(a.client, path).campaign('a');
    await settle();
    const second = watched(new Election(b.client, path).campaign('b'));
    await settle();
    await first.proclaim('a, busy');
    await settle();
    await first.resign();
    await settle();
    await second.value?.resign();
    await settle();
    expect(observer.seen).toEqual(['vacant', 'a', 'a, busy', 'b', 'vacant']);
    expect([...observer.revisions].sort((x, y) => Number(x - y))).toEqual(observer.revisions);
    await observer.stop();
  });

  test('goes on over a lost connection and a compaction, and ends with the last leader', async () => {
    const [a, b, watcher] = [world.node(), world.node(), world.node()];
    const first = await new Election(a.client, path).campaign('a');
    const observer = observing(new Election(watcher.client, path));
    await settle();
    watcher.store.partition();
    await first.resign();
    await new Election(b.client, path).campaign('b');
    world.cluster.compact();
    await settle();
    watcher.store.heal();
    await settle();
    await world.clock.advance(100);
    expect(observer.seen[0]).toBe('a');
    expect(observer.seen.at(-1)).toBe('b');
    await observer.stop();
  });

  test('a candidate that leaves the queue behind the leader is no news', async () => {
    const [a, b, watcher] = [world.node(), world.node(), world.node()];
    await new Election(a.client, path).campaign('a');
    const observer = observing(new Election(watcher.client, path));
    const waiting = watched(new Election(b.client, path).campaign('b', { timeoutMs: 100 }));
    await world.clock.advance(200);
    expect(waiting.outcome).toBe('rejected');
    expect(observer.seen).toEqual(['a']);
    await observer.stop();
  });

  test('ends by break, and leaves nothing behind', async () => {
    const { client } = world.node();
    for await (const one of new Election(client, path).observe()) {
      expect(one).toMatchObject({ leader: undefined });
      break;
    }
  });
});

describe('lead', () => {
  test('runs the task as leader, then resigns and hands on its result', async () => {
    const { client } = world.node();
    const result = await new Election(client, path).lead('a', (term) => {
      expect(term.isHeld()).toBe(true);
      return 'done';
    });
    expect(result).toBe('done');
    expect(world.keys()).toEqual([]);
  });

  test('campaigns again after a loss, and never runs the task twice at once', async () => {
    const { client } = world.node();
    const tokens: bigint[] = [];
    let running = 0;
    const leading = new Election(client, path).lead('a', async (term, signal) => {
      expect(++running).toBe(1);
      tokens.push(term.token);
      if (tokens.length < 3) {
        world.cluster.revokeLease((await client.session()).lease);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }
      running--;
      return 'at last';
    });
    expect(await world.run(leading)).toBe('at last');
    expect(tokens).toHaveLength(3);
    expect(new Set(tokens).size).toBe(3);
  });

  test('campaigns again after a loss that only resigning found out', async () => {
    const { client } = world.node();
    let terms = 0;
    const leading = new Election(client, path).lead('a', (term) => {
      if (++terms === 1) world.cluster.deleteKey(term.key);
      return terms;
    });
    expect(await world.run(leading)).toBe(2);
  });

  test('the error of the task ends it, after resigning', async () => {
    const { client } = world.node();
    const bad = new Error('broken');
    const leading = new Election(client, path).lead('a', () => {
      throw bad;
    });
    await expect(leading).rejects.toBe(bad);
    expect(world.keys()).toEqual([]);
  });

  test('the signal of the caller tells the task, which ends its term in its own time', async () => {
    const { client } = world.node();
    const controller = new AbortController();
    const leading = new Election(client, path).lead(
      'a',
      async (term, signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return term.isHeld();
      },
      { signal: controller.signal },
    );
    await settle();
    controller.abort();
    expect(await leading).toBe(true);
    expect(world.keys()).toEqual([]);
  });
});
