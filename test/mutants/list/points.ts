import type { Mutant } from '../mutant.js';

/** What shows when an operation is aborted, or a call of it fails, at just the wrong point; found by the search of every point. */
export const pointsMutants: readonly Mutant[] = [
  {
    name: 'release-skipped-on-abort',
    recipe: 'points',
    points: 'mutex/release',
    wrong: 'Who releases with a signal that is aborted already, as at a shutdown, goes on holding.',
    file: 'core/hold.ts',
    changes: [
      {
        find: "    checkOptions(options, 'release');",
        replace: "    checkOptions(options, 'release');\n    options.signal?.throwIfAborted();",
      },
    ],
    invariant: 'P3',
  },
  {
    name: 'presence-kept-on-abort',
    recipe: 'points',
    points: 'persistent-key/stop',
    wrong: 'The same with a key that says that a process is there. It was so, and found by the search.',
    file: 'recipes/persistent-key.ts',
    changes: [
      {
        find: "    checkOptions(options, 'stop');",
        replace: "    checkOptions(options, 'stop');\n    options.signal?.throwIfAborted();",
      },
    ],
    invariant: 'P2',
  },
  {
    name: 'ticket-left-in-line',
    recipe: 'points',
    points: 'mutex/acquire, busy',
    wrong: 'Who gives up waiting leaves the ticket in line, and everybody behind it waits, as in npm etcd3.',
    file: 'recipes/line-stay.ts',
    changes: [{ find: 'if (served === undefined) await Promise.all(places.map(leaveLine));', replace: '' }],
    invariant: 'P3',
  },
  {
    name: 'ticket-removed-once',
    recipe: 'points',
    points: 'mutex/acquire, free',
    wrong: 'Where the one attempt to take the ticket out of the line fails, there is no other.',
    file: 'recipes/line-leave.ts',
    changes: [{ find: 'else void session.cleanUp(key, place.late);', replace: '' }],
    invariant: 'P3',
  },
  {
    name: 'timer-not-cancelled',
    recipe: 'points',
    points: 'mutex/acquire, busy',
    wrong: 'The timer of a timeout goes on when the wait is over, and keeps the process alive.',
    file: 'core/signals.ts',
    changes: [{ find: 'this.#cancelTimer?.();\n    this.#unlink();', replace: 'this.#unlink();' }],
    invariant: 'S2',
  },
  {
    name: 'listener-left-on-signal',
    recipe: 'points',
    points: 'mutex/acquire, busy',
    wrong: 'A signal that outlives a wait keeps a listener of it, as AbortSignal.any does (nodejs/node #54614).',
    file: 'core/signals.ts',
    changes: [{ find: 'this.#cancelTimer?.();\n    this.#unlink();', replace: 'this.#cancelTimer?.();' }],
    invariant: 'S2',
  },
  {
    name: 'clean-up-that-rejects',
    recipe: 'points',
    points: 'mutex/acquire, free',
    wrong: 'What goes wrong in a clean-up that nobody waits for is an unhandled rejection, which ends the process.',
    file: 'core/session.ts',
    changes: [
      {
        find: '.then(\n        () => true,\n        () => false,\n      );\n      if (deleted && clock',
        replace: '.then(() => true);\n      if (deleted && clock',
      },
    ],
    invariant: 'S2',
  },
];
