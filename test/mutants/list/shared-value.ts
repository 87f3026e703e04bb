import type { Mutant } from '../mutant.js';

export const sharedValueMutants: readonly Mutant[] = [
  {
    name: 'value-retry-without-note',
    recipe: 'shared-value',
    wrong: 'A write whose answer was lost is made again.',
    file: 'recipes/register-run.ts',
    changes: [
      { find: 'const guards = [this.#slot.guard(), ...', replace: 'const guards = [...' },
      { find: 'const news = this.#slot.look(note);', replace: 'const news = undefined;' },
    ],
    invariant: 'C2',
  },
  {
    name: 'update-without-compare',
    recipe: 'shared-value',
    wrong: 'An update writes over what others have written since the read.',
    file: 'recipes/register-run.ts',
    changes: [{ find: 'this.#blind ? [] : [guardOf(this.#key, changed.before)]', replace: '[]' }],
    invariant: 'C1',
  },
  {
    name: 'update-of-an-old-value',
    recipe: 'shared-value',
    wrong: 'What was made of the first value that was seen is written, though the value is another one by now.',
    file: 'recipes/shared-value.ts',
    changes: [
      {
        find: 'const decide = async (seen: Seen | undefined): Promise<Decision> => {\n      const next',
        replace:
          'let old: any;\n    const decide = async (seen: Seen | undefined): Promise<Decision> => {\n      old ??= { seen };\n      const next',
      },
      { find: 'await change(await this.#decode(seen))', replace: 'await change(await this.#decode(old.seen))' },
    ],
    invariant: 'C1',
  },
  {
    name: 'blind-write-twice',
    recipe: 'shared-value',
    wrong: 'A write that looks at nothing is not known by its note either, and can come late, over what came after it.',
    file: 'recipes/register-run.ts',
    changes: [
      {
        find: '[this.#slot.guard(), ...(this.#blind ? [] : [guardOf(this.#key, changed.before)])]',
        replace: 'this.#blind ? [] : [this.#slot.guard(), guardOf(this.#key, changed.before)]',
      },
    ],
    invariant: 'C2',
  },
];
