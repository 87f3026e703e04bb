import type { Mutant } from '../mutant.js';

const recipe = 'service-registry';

export const serviceRegistryMutants: readonly Mutant[] = [
  {
    name: 'registry-reads-an-instance-once',
    recipe,
    wrong: 'What an instance says is read when it is first seen, and never again.',
    file: 'recipes/service-registry-cache.ts',
    changes: [
      { find: 'if (known?.modified === modified) return known;', replace: 'if (known !== undefined) return known;' },
    ],
    invariant: 'V1',
  },
  {
    name: 'registry-picks-the-unhealthy',
    recipe,
    wrong: 'An instance that says it is not well is picked all the same.',
    file: 'recipes/service-registry-pool.ts',
    changes: [{ find: "    if (!instance.healthy) return 'unhealthy';\n", replace: '' }],
    invariant: 'V2',
  },
  {
    name: 'registry-picks-the-drained',
    recipe,
    wrong: 'An instance of weight 0 is picked all the same.',
    file: 'recipes/service-registry-pool.ts',
    changes: [{ find: "    if (instance.weight === 0) return 'drained';\n", replace: '' }],
    invariant: 'V2',
  },
  {
    name: 'registry-ejects-the-last',
    recipe,
    wrong: 'Where all instances have failed, there is none to pick.',
    file: 'recipes/service-registry-pool.ts',
    changes: [
      {
        find: 'const { client, strategy } = this.#parts;',
        replace: 'if (well.length === 0) return undefined;\n    const { client, strategy } = this.#parts;',
      },
    ],
    invariant: 'V3',
  },
  {
    name: 'registry-removes-by-name',
    recipe,
    wrong:
      'Leaving deletes the instance whoever registered it: one that is applied late takes away the next one of the name.',
    file: 'core/leased-entry.ts',
    changes: [
      {
        find: 'return this.#commit(session, unchanged(this.key, entry.modified), remove(this.key), () => undefined);',
        replace:
          "void entry;\n    return this.#commit(session, absent(this.key.concat('-')), remove(this.key), () => undefined);",
      },
    ],
    invariant: 'V5',
  },
  {
    name: 'registry-reports-from-the-first',
    recipe,
    wrong: 'Each report builds on what was said at the registration: what was reported between is lost.',
    file: 'recipes/service-registry-registration.ts',
    changes: [{ find: '    this.#info = next;\n', replace: '' }],
    invariant: 'VL1',
  },
];
