import type { Mutant } from '../mutant.js';

const recipe = 'group';

export const groupMutants: readonly Mutant[] = [
  {
    name: 'group-watch-from-now',
    recipe,
    wrong:
      'The view is built from a list, and the watch begins at "now", some time after it: what came in between is lost.',
    file: 'testing/simulation/simulated-watch.ts',
    changes: [
      {
        find: '      this.#follow();\n      this.#sendState(true);\n',
        replace: '      this.#sendState(true);\n      connection.ask(() => this.#follow());\n',
      },
    ],
    invariant: 'G1',
    options: { store: 'etcd' },
  },
  {
    name: 'group-resync-loses-deletes',
    recipe,
    wrong: 'A snapshot after a gap adds members, and leaves those that have gone.',
    file: 'core/range-view.ts',
    changes: [
      {
        find: "if (batch.kind === 'snapshot') entries.clear();\n  else for",
        replace: "if (batch.kind === 'changes') for",
      },
    ],
    invariant: 'G1',
  },
  {
    name: 'group-returns-unseen',
    recipe,
    wrong:
      'One that left and came back between two views is told of by neither list: names are compared, not incarnations.',
    file: 'recipes/group-views.ts',
    changes: [{ find: 'there.get(id) !== incarnation', replace: '(void incarnation, !there.has(id))' }],
    invariant: 'G1',
  },
  {
    name: 'group-the-dead-are-members',
    recipe,
    wrong: 'A key without a lease counts as a member, and stays one for ever.',
    file: 'recipes/group-views.ts',
    changes: [
      { find: "return lease === undefined || id.includes('/')", replace: "void lease;\n  return id.includes('/')" },
    ],
    invariant: 'G1',
  },
  {
    name: 'group-removes-by-name',
    recipe,
    wrong: 'Leaving deletes the key whoever has it: one that is applied late takes away the next incarnation (#22082).',
    file: 'core/leased-entry.ts',
    changes: [
      {
        find: 'return this.#commit(session, unchanged(this.key, entry.modified), remove(this.key), () => undefined);',
        replace:
          "void entry;\n    return this.#commit(session, absent(this.key.concat('-')), remove(this.key), () => undefined);",
      },
    ],
    invariant: 'G2',
  },
  {
    name: 'group-data-changes',
    recipe,
    wrong:
      'New data is written into the present incarnation, so that two who look at it at once see different members.',
    file: 'core/leased-key.ts',
    changes: [{ find: 'else if (own && !this.#parts.immutable)', replace: 'else if (own)' }],
    invariant: 'G4',
  },
  {
    name: 'group-believes-in-the-name',
    recipe,
    wrong: 'A member that sees anything at its key takes it for itself.',
    file: 'core/leased-key.ts',
    changes: [
      {
        find: 'if (entry?.lease === state.session.lease && entry.created === state.incarnation) return;',
        replace: 'if (entry !== undefined) return;',
      },
    ],
    invariant: 'G5',
    options: { faults: ['overwriteKey', 'deleteKey', 'compact'] },
  },
  {
    name: 'group-never-comes-back',
    recipe,
    wrong: 'A member whose session was lost is out for good, as in npm etcd3.',
    file: 'core/leased-key.ts',
    changes: [
      { find: 'if (!this.#parts.sessions.rejoin) this.#end(reason);', replace: 'if (reason) this.#end(reason);' },
    ],
    invariant: 'GL2',
  },
];
