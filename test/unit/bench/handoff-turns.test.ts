import { memoryCluster } from 'coterie/memory';
import { describe, expect, it } from 'vitest';
import { handoffsOf, play, type Turn } from '../../../bench/lib/handoff-turns.js';

/** A turn from its token and its three times. */
function turn(token: number, askedAtMs: number, heldAtMs: number, releasedAtMs: number): Turn {
  return { token: String(token), askedAtMs, heldAtMs, releasedAtMs };
}

describe('handoffs', () => {
  it('are counted from the release in one process to the hold in the other, in the order of the tokens', () => {
    const ours = [turn(9, 0, 0, 10), turn(11, 12, 22, 30)];
    const theirs = [turn(10, 5, 13, 20)];
    expect(handoffsOf(ours, theirs, 0)).toEqual([3, 2]);
  });

  it('are those between the processes only', () => {
    expect(handoffsOf([turn(1, 0, 0, 10), turn(2, 0, 11, 20)], [], 0)).toEqual([]);
  });

  it('do not count where the other had not waited long enough to have its watches', () => {
    const ours = [turn(1, 0, 0, 10)];
    expect(handoffsOf(ours, [turn(2, 8, 11, 20)], 2)).toEqual([1]);
    expect(handoffsOf(ours, [turn(2, 9, 11, 20)], 2)).toEqual([]);
  });

  it('with two holders at once are an error, not a fast handoff', () => {
    expect(() => handoffsOf([turn(1, 0, 0, 10)], [turn(2, 0, 9, 20)], 0)).toThrow('Held twice at once');
  });
});

it('turns that are played by two clients go from one to the other', async () => {
  const cluster = memoryCluster();
  const clients = [cluster.client(), cluster.client()] as const;
  const order = { path: '/turns', lanes: 1, turns: 5, holdMs: 1 };
  const [ours, theirs] = await Promise.all([play(clients[0], order), play(clients[1], order)]);
  await Promise.all(clients.map((client) => client.close()));
  expect(ours).toHaveLength(5);
  expect(handoffsOf(ours, theirs, 0).length).toBeGreaterThanOrEqual(8);
});
