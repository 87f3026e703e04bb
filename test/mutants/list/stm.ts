import type { Mutant } from '../mutant.js';

export const stmMutants: readonly Mutant[] = [
  {
    name: 'read-set-not-compared',
    recipe: 'stm',
    wrong: 'What was read is not compared at the commit: lost updates.',
    file: 'recipes/stm-attempt.ts',
    changes: [
      {
        find: 'const checks = this.reads.all.map((known) => readCheck(known, level.snapshot));',
        replace: 'const checks: Check[] = []; void readCheck;',
      },
    ],
    invariant: 'T1',
  },
  {
    name: 'only-absence-compared',
    recipe: 'stm',
    wrong: 'Of keys that were there it is not checked that they were not written since.',
    file: 'recipes/stm-checks.ts',
    changes: [
      {
        find: 'const guards = entries.map(({ key, modified }) => unchanged(key, modified));',
        replace: 'const guards: Guard[] = []; void unchanged;',
      },
    ],
    invariant: 'T1',
  },
  {
    name: 'phantoms-let-in',
    recipe: 'stm',
    wrong: 'Ranges that were read are not guarded: keys can be added to them.',
    file: 'recipes/stm-checks.ts',
    changes: [{ find: 'if (phantoms) guards.push(untouched(range, revision));', replace: '' }],
    invariant: 'T1',
    options: { store: 'etcd' },
  },
  {
    name: 'reads-of-several-revisions',
    recipe: 'stm',
    wrong:
      'A weaker level is served as a serializable one: the function sees a state that never was (etcd RepeatableReads).',
    file: 'recipes/stm-checks.ts',
    changes: [
      {
        find: "'serializable-snapshot': { snapshot: true, checked: true, blind: true }",
        replace: "'serializable-snapshot': { snapshot: false, checked: true, blind: true }",
      },
      {
        find: 'serializable: { snapshot: true, checked: true, blind: false }',
        replace: 'serializable: { snapshot: false, checked: true, blind: false }',
      },
    ],
    invariant: 'T2',
  },
  {
    name: 'ambiguous-commit-made-again',
    recipe: 'stm',
    wrong: 'A commit whose answer was lost is made again, whether or not it was applied.',
    file: 'recipes/stm-marker.ts',
    changes: [
      {
        find: 'return said === made ? { ok: true, revision: marker.modified, reads: [] } : undefined;',
        replace: 'return undefined;',
      },
    ],
    invariant: 'T3',
  },
  {
    name: 'marker-not-compared',
    recipe: 'stm',
    wrong: 'A commit does not depend on its marker: one that was on its way is applied after it was prevented.',
    file: 'recipes/stm-marker.ts',
    changes: [
      {
        find: 'this.#client.store.commit([asBefore, ...guards], [',
        replace: 'this.#client.store.commit([...guards], [',
      },
    ],
    invariant: 'T3',
  },
  {
    name: 'refusal-taken-for-success',
    recipe: 'stm',
    wrong: 'Nobody looks whether the commit was refused.',
    file: 'recipes/stm.ts',
    changes: [
      {
        find: 'if (!commit.ok) return { refused: true, conflict: conflictOf(checks, commit.reads, commit.revision) };',
        replace: 'void conflictOf;',
      },
    ],
    invariant: 'T3',
  },
];
