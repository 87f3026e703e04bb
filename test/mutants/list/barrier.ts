import type { Mutant } from '../mutant.js';

export const barrierMutants: readonly Mutant[] = [
  {
    name: 'barrier-end-of-a-watch-passes',
    recipe: 'barrier',
    wrong:
      'A watch that ends, for whatever reason, lets everybody pass, as in the recipes of etcd (WaitEvents gives nil, nil).',
    file: 'core/range-view.ts',
    changes: [{ find: 'if (found !== undefined) return found.value;', replace: 'return found?.value;' }],
    invariant: 'B1',
  },
  {
    name: 'barrier-any-news-passes',
    recipe: 'barrier',
    wrong: 'Any state that a watch shows counts as a release.',
    file: 'recipes/barrier.ts',
    changes: [
      { find: 'return created === undefined || created !== first ? true : undefined;', replace: 'return true;' },
    ],
    invariant: 'B1',
  },
  {
    name: 'barrier-watches-from-now',
    recipe: 'barrier',
    wrong: 'Who waits follows changes only: a release before the watch began is missed (etcd #4425, #16188).',
    file: 'core/range-view.ts',
    changes: [
      {
        find: 'listener.changed(this, result.value);',
        replace: "if (result.value.kind === 'changes') listener.changed(this, result.value);",
      },
    ],
    invariant: 'BL1',
  },
  {
    name: 'barrier-misses-a-short-release',
    recipe: 'barrier',
    wrong: 'A barrier that was released and held anew while a waiter could not look keeps it waiting.',
    file: 'recipes/barrier.ts',
    changes: [{ find: 'created === undefined || created !== first', replace: 'created === undefined' }],
    invariant: 'BL1',
  },
  {
    name: 'barrier-repeats-without-a-note',
    recipe: 'barrier',
    wrong: 'A hold whose answer was lost is made again, after others have released what it held up.',
    file: 'recipes/register-run.ts',
    changes: [{ find: 'const guards = [this.#slot.guard(), ...', replace: 'const guards = [...' }],
    invariant: 'B2',
  },
  {
    name: 'barrier-releases-unseen',
    recipe: 'barrier',
    wrong: 'A release compares nothing, and says that it took down what was down already.',
    file: 'recipes/barrier.ts',
    changes: [
      {
        find: 'await this.#register.change(scope, decide)',
        replace: 'await this.#register.change(scope, decide, { blind: true })',
      },
    ],
    invariant: 'B2',
  },
  {
    name: 'barrier-lease-forgotten',
    recipe: 'barrier',
    wrong: 'A leased barrier is put without its lease, and stands after the death of its holder.',
    file: 'recipes/register-run.ts',
    changes: [{ find: 'decision.leased ? this.#slot.session.lease : undefined', replace: 'undefined' }],
    invariant: 'B3',
  },
  {
    name: 'barrier-told-from-memory',
    recipe: 'barrier',
    wrong: 'Whether it is up is told from what was seen last.',
    file: 'recipes/register.ts',
    changes: [
      {
        find: '    const { store } = this.#client;\n    const { signal } = scope;',
        replace:
          '    if (this.#seen !== undefined) return this.#seen;\n    const { store } = this.#client;\n    const { signal } = scope;',
      },
    ],
    invariant: 'B4',
  },
];
