import type { Mutant } from '../mutant.js';

export const mutexMutants: readonly Mutant[] = [
  {
    name: 'deadline-from-receipt',
    recipe: 'mutex',
    wrong: 'The time to live counts from when the answer to a renewal came, not from when the renewal was sent.',
    file: 'core/session.ts',
    changes: [
      {
        find: 'this.#renewed(sent, ttlMs);',
        replace: 'this.#renewed({ now: clock.now(), wall: clock.wall() }, ttlMs);',
      },
    ],
    invariant: 'M4',
  },
  {
    name: 'loss-after-twice-the-ttl',
    recipe: 'mutex',
    wrong: 'A session believes in itself for twice its time to live, as npm etcd3 does.',
    file: 'core/session.ts',
    changes: [
      {
        find: 'this.#base = { ...sent, forMs: trustedMs(ttlMs) };\n    this.#backoff',
        replace: 'this.#base = { ...sent, forMs: 2 * ttlMs };\n    this.#backoff',
      },
    ],
    invariant: 'M4',
  },
  {
    name: 'no-drift-margin',
    recipe: 'mutex',
    wrong: 'The whole time to live is trusted, as if all clocks ran at one rate.',
    file: 'core/session.ts',
    changes: [{ find: 'return ttlMs - Math.max(1, ttlMs / 100);', replace: 'return ttlMs;' }],
    invariant: 'M4',
  },
  {
    name: 'held-by-a-flag',
    recipe: 'mutex',
    wrong:
      'Whether it is held is a flag that a timer clears, not a look at the clock: after a pause the timer is late.',
    file: 'core/hold.ts',
    changes: [
      {
        find: "return this.#state.kind === 'held' && this.session.isLive() && this.#state.kind === 'held';",
        replace: "return this.#state.kind === 'held';",
      },
    ],
    invariant: 'M4',
  },
  {
    name: 'snapshot-ignored',
    recipe: 'mutex',
    wrong: 'Only events count: what a watch says that had to begin anew, as after a compaction, is passed over.',
    file: 'core/key-watch.ts',
    changes: [
      {
        find: "if (batch.kind === 'changes' && batch.puts.length",
        replace: "if (batch.kind === 'snapshot' || batch.puts.length",
      },
    ],
    invariant: 'M4',
    options: { store: 'consul', faults: ['deleteKey', 'disconnect'] },
  },
  {
    name: 'no-own-key-check',
    recipe: 'mutex',
    wrong: 'Who has nobody ahead any more is served, without a look at its own ticket: etcd Campaign, #11007, #11051.',
    file: 'recipes/line-place.ts',
    changes: [{ find: 'if (!this.isMine(own)) throw await this.missing();', replace: 'void own;' }],
    invariant: 'M5',
  },
  {
    name: 'woken-is-served',
    recipe: 'mutex',
    wrong:
      'Who is woken takes that for its turn: WaitEvents of the etcd recipes returns nil at the end of a watch too.',
    file: 'recipes/line-place.ts',
    changes: [
      {
        find: 'this.#reads = await this.#readAhead();\n      blocker = this.blocker();',
        replace: 'this.#reads = await this.#readAhead();\n      blocker = undefined;',
      },
    ],
    invariant: 'M6',
  },
  {
    name: 'release-by-name',
    recipe: 'mutex',
    wrong:
      'A release deletes whatever has the name of its ticket, and an attempt that comes late hits the next one: etcd #22082.',
    file: 'core/hold.ts',
    changes: [
      { find: 'store.commit(this.guards, steps,', replace: 'store.commit([], steps,' },
      { find: 'if (ok && !unknown) this.#returnNames();', replace: 'if (ok) this.#returnNames();' },
    ],
    invariant: 'M7',
  },
  {
    name: 'release-of-what-is-gone',
    recipe: 'mutex',
    wrong:
      'A release does not compare the owner, and says that it gave back what was taken away long ago: as DEL of Redis.',
    file: 'core/hold.ts',
    changes: [{ find: 'store.commit(this.guards, steps,', replace: 'store.commit([], steps,' }],
    invariant: 'M7',
  },
  {
    name: 'new-key-after-unknown-outcome',
    recipe: 'mutex',
    wrong: 'A join whose answer is lost is made again under another key, and then waits for itself.',
    file: 'recipes/line-join.ts',
    changes: [
      {
        find: 'for (const place of places) place.late = true;',
        replace: 'for (const place of places) place.key = session.names.takeTicket(place.prefix.slice(0, -1));',
      },
    ],
    invariant: 'L0',
  },
  {
    name: 'never-looks-anyway',
    recipe: 'mutex',
    wrong: 'A waiter trusts its watch for ever; servers lose events: etcd #17529, #18089.',
    file: 'recipes/line-place.ts',
    changes: [{ find: 'firstOf(this.scope, [news.arm, inCase])', replace: 'firstOf(this.scope, [news.arm])' }],
    invariant: 'L0',
  },
  {
    name: 'ticket-left-behind',
    recipe: 'mutex',
    wrong: 'Who gives up stays in line, kept there by the keep-alive of its session: etcd #21128.',
    file: 'recipes/line-stay.ts',
    changes: [
      { find: 'if (served === undefined) await Promise.all(places.map(leaveLine));', replace: 'void leaveLine;' },
    ],
    invariant: 'ML3',
  },
  {
    name: 'waiter-outlives-its-session',
    recipe: 'mutex',
    wrong: 'The end of a session wakes nobody who waits by it: the TODO of etcd mutex.go, #19597.',
    file: 'recipes/line-stay.ts',
    changes: [{ find: 'session.onEnd(abort);', replace: '' }],
    invariant: 'ML4',
  },
  {
    name: 'reentrant-by-session',
    recipe: 'mutex',
    wrong: 'Two acquisitions by one session do not exclude each other, as in etcd v3lock and the Go Mutex.',
    file: 'recipes/line-rule.ts',
    changes: [
      {
        find: 'line.find((ticket) => ticket.key !== mine?.key),',
        replace: 'line.find((ticket) => mine === undefined || ticket.lease !== mine.lease),',
      },
    ],
    invariant: 'M8',
  },
  {
    name: 'unfenced-commit',
    recipe: 'mutex',
    wrong: 'A commit under a hold is not bound to the ticket: only the clock of the holder stands in its way.',
    file: 'core/hold.ts',
    changes: [{ find: 'commit([...this.guards, ...guards], ops, {', replace: 'commit(guards, ops, {' }],
    invariant: 'M3',
  },
];
