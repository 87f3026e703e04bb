/** What `npm run mutants` runs; whether each of them is found takes longer than a unit test may. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mutants } from '../../mutants/list.js';
import { mutate } from '../../mutants/mutate.js';
import { recipes } from '../../simulation/recipes.js';

const sources = fileURLToPath(new URL('../../../src', import.meta.url));

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s fits the source', (_name, mutant) => {
  expect(mutate(mutant, sources)).not.toBe(mutate({ ...mutant, changes: [] }, sources));
});

test('one that the source has outgrown is noticed', () => {
  const [any] = mutants;
  const outgrown = { name: 'x', file: 'core/hold.ts', changes: [{ find: 'no such words', replace: '' }] };
  expect(() => mutate({ ...any, ...outgrown } as never, sources)).toThrow(
    'x does not fit any more: what it replaces is 0 times',
  );
});

test('there are at least four of each recipe, each with a name of its own', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  expect(mutants.length).toBeGreaterThanOrEqual(60);
  const few = recipes.filter(({ recipe }) => mutants.filter((mutant) => mutant.recipe === recipe).length < 4);
  expect(few.map(({ recipe }) => recipe)).toEqual([]);
});

test('every recipe that has a page is simulated', () => {
  const pages = readdirSync(fileURLToPath(new URL('../../../docs/recipes', import.meta.url)));
  expect(recipes.map(({ recipe }) => `${recipe}.md`).sort()).toEqual(pages.sort());
});
