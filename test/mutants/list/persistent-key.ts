import type { Mutant } from '../mutant.js';

const recipe = 'persistent-key';

export const persistentKeyMutants: readonly Mutant[] = [
  {
    name: 'key-takes-what-is-not-its-own',
    recipe,
    wrong: 'What stands at the key is replaced, whoever keeps it there.',
    file: 'core/leased-key.ts',
    changes: [
      {
        find: 'return lease === undefined ? this.#presentAt !== undefined : this.#leases.has(lease);',
        replace: 'return lease !== null;',
      },
    ],
    invariant: 'K1',
  },
  {
    name: 'key-removes-by-name',
    recipe,
    wrong: 'Stopping deletes the key whoever has it: one that is applied late takes away what somebody else has put.',
    file: 'core/leased-entry.ts',
    changes: [
      {
        find: 'return this.#commit(session, unchanged(this.key, entry.modified), remove(this.key), () => undefined);',
        replace:
          "void entry;\n    return this.#commit(session, absent(this.key.concat('-')), remove(this.key), () => undefined);",
      },
    ],
    invariant: 'K1',
  },
  {
    name: 'key-moves-with-each-update',
    recipe,
    wrong: 'An update deletes the key and puts another one: for a moment nobody is present.',
    file: 'core/leased-key.ts',
    changes: [{ find: 'else if (own && !this.#parts.immutable)', replace: 'else if (own && this.#parts.immutable)' }],
    invariant: 'K1',
  },
  {
    name: 'key-is-written-blindly',
    recipe,
    wrong: 'A value is written without a comparison: one that is applied late undoes what was written after it.',
    file: 'core/leased-entry.ts',
    changes: [
      {
        find: 'const guard = unchanged(this.key, entry.modified);',
        replace: "const guard = absent(this.key.concat('-'));",
      },
    ],
    invariant: 'K3',
  },
  {
    name: 'key-forgets-what-was-said-meanwhile',
    recipe,
    wrong: 'What is said while the key is lost is not what comes back.',
    file: 'core/leased-key.ts',
    changes: [
      {
        find: '    this.#value = value;\n    this.#version++;',
        replace: "    if (this.#state.kind === 'present') this.#value = value;\n    this.#version++;",
      },
    ],
    invariant: 'KL1',
  },
  {
    name: 'key-never-comes-back',
    recipe,
    wrong: 'A key whose session was lost is not put back.',
    file: 'core/leased-key.ts',
    changes: [
      { find: 'if (!this.#parts.sessions.rejoin) this.#end(reason);', replace: 'if (reason) this.#end(reason);' },
    ],
    invariant: 'KL1',
  },
];
