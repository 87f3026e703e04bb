import type { Mutant } from '../mutant.js';

export const electionMutants: readonly Mutant[] = [
  {
    name: 'election-phantom-leader',
    recipe: 'election',
    wrong: 'A candidate does not look for its own ticket before it leads, as Campaign of etcd (#11007, #11051).',
    file: 'recipes/line-place.ts',
    changes: [{ find: 'if (!this.isMine(own)) throw await this.missing();', replace: '' }],
    invariant: 'E3',
  },
  {
    name: 'election-zombie-candidate',
    recipe: 'election',
    wrong: 'A candidate that has lost its ticket goes on waiting for whoever was ahead of it (etcd #19597).',
    file: 'recipes/line-place.ts',
    changes: [
      {
        find: 'if (!this.isMine(own)) throw await this.missing();',
        replace: 'if (!this.isMine(own)) return this.#reads;',
      },
    ],
    invariant: 'EL2',
  },
  {
    name: 'election-wake-is-victory',
    recipe: 'election',
    wrong: 'Whoever is woken leads, without another look at the line.',
    file: 'recipes/line-place.ts',
    changes: [
      {
        find: '      this.#reads = await this.#readAhead();\n      blocker = this.blocker();',
        replace: '      blocker = undefined;',
      },
    ],
    invariant: 'E1',
  },
  {
    name: 'election-loss-after-twice-the-ttl',
    recipe: 'election',
    wrong: 'A leader believes in itself for twice its time to live, as npm etcd3 does.',
    file: 'core/session.ts',
    changes: [
      {
        find: 'this.#base = { ...sent, forMs: trustedMs(ttlMs) };\n    this.#backoff',
        replace: 'this.#base = { ...sent, forMs: 2 * ttlMs };\n    this.#backoff',
      },
    ],
    invariant: 'E2',
  },
  {
    name: 'election-proclaims-unseen',
    recipe: 'election',
    wrong:
      'A proclamation does not compare the term: a leader of the past makes its ticket anew, after the end of its term.',
    file: 'recipes/election.ts',
    changes: [
      {
        find: 'await this.commit([put(this.key, proposal(value), this.session.lease)], options);',
        replace: 'await this.client.store.commit([], [put(this.key, proposal(value), this.session.lease)], options);',
      },
    ],
    invariant: 'E4',
  },
  {
    name: 'election-refused-proclamation-counts',
    recipe: 'election',
    wrong: 'A proclamation that was refused counts as made.',
    file: 'recipes/election.ts',
    changes: [
      {
        find: 'await this.commit([put(this.key, proposal(value), this.session.lease)], options);',
        replace:
          'await this.client.store.commit([this.guard], [put(this.key, proposal(value), this.session.lease)], options);',
      },
    ],
    invariant: 'E4',
  },
  {
    name: 'election-commits-unfenced',
    recipe: 'election',
    wrong: 'What a leader writes is not fenced: one that was paused writes into the term of the next (etcd #11456).',
    file: 'core/hold.ts',
    changes: [
      { find: 'store.commit([...this.guards, ...guards], ops, {', replace: 'store.commit([...guards], ops, {' },
    ],
    invariant: 'E1',
  },
  {
    name: 'election-observer-keeps-what-is-gone',
    recipe: 'election',
    wrong: 'An observer takes a new snapshot for changes: who was deleted while history was compacted leads for ever.',
    file: 'recipes/election.ts',
    changes: [
      {
        find: 'applyBatch(standing, batch);',
        replace:
          "applyBatch(standing, batch.kind === 'changes' ? batch : { kind: 'changes', revision: batch.revision, puts: batch.entries, deletes: [] });",
      },
    ],
    invariant: 'E5',
  },
  {
    name: 'election-observer-misses-proclamations',
    recipe: 'election',
    wrong: 'An observer tells of new leaders only, not of what they proclaim later.',
    file: 'recipes/election.ts',
    changes: [{ find: 'leader?.modified === seen?.modified', replace: 'leader?.created === seen?.created' }],
    invariant: 'E5',
  },
  {
    name: 'election-newest-leads',
    recipe: 'election',
    wrong: 'An observer takes the newest ticket for the leader, as npm etcd3 takes the last put of a batch.',
    file: 'recipes/election.ts',
    changes: [{ find: 'entry.created < first.created', replace: 'entry.created > first.created' }],
    invariant: 'E5',
  },
  {
    name: 'election-resigns-by-name',
    recipe: 'election',
    wrong:
      'A resignation deletes by name, and names are used again: one that comes late ends a later term (etcd #22082).',
    file: 'core/hold.ts',
    changes: [
      { find: 'await store.commit(this.guards, steps,', replace: 'await store.commit([], steps,' },
      { find: 'if (ok && !unknown) this.#returnNames();', replace: 'this.#returnNames();' },
      { find: 'if (this.#late || this.#named) return;', replace: 'if (this.#named) return;' },
    ],
    invariant: 'E6',
    options: { faults: ['delay', 'dropAnswer', 'applyLate', 'breakStreams'] },
  },
  {
    name: 'election-candidate-stays',
    recipe: 'election',
    wrong: 'A candidate that gives up leaves its ticket, which its session keeps alive (etcd #21128).',
    file: 'recipes/line-leave.ts',
    changes: [{ find: "if (!place.mayBeInLine || kind === 'lost' || kind === 'closed') return;", replace: 'return;' }],
    invariant: 'L0',
  },
  {
    name: 'election-death-wakes-nobody',
    recipe: 'election',
    wrong: 'Nobody hears of a ticket that goes: no watch, and no look in case an event was lost.',
    file: 'recipes/line-place.ts',
    changes: [
      {
        find: 'await firstOf(this.scope, [news.arm, inCase]);',
        replace: 'await firstOf(this.scope, [() => () => {}]);',
      },
    ],
    invariant: 'EL1',
  },
];
