import type { Mutant } from '../mutant.js';

const recipe = 'partitioner';

export const partitionerMutants: readonly Mutant[] = [
  {
    name: 'shards-of-two-owners',
    recipe,
    wrong: 'A shard is claimed without a comparison: two whose views differ work on it at once.',
    file: 'recipes/partitioner-claims.ts',
    changes: [
      { find: 'const guards = [guard, ...keys.map(absent)];', replace: 'const guards = [guard];\n    void absent;' },
    ],
    invariant: 'P2',
  },
  {
    name: 'shards-given-up-at-once',
    recipe,
    wrong: 'A shard goes to the next one while the task of the last is still under way.',
    file: 'recipes/partitioner-owned.ts',
    changes: [
      {
        find: 'if (!stop.aborted) await task(hold, stop.signal);',
        replace: 'if (!stop.aborted) void Promise.resolve(task(hold, stop.signal)).catch(() => {});',
      },
    ],
    invariant: 'P3',
  },
  {
    name: 'shards-held-against-the-store',
    recipe,
    wrong: 'A member goes on with a shard that somebody has taken away, though its view shows it.',
    file: 'recipes/partitioner-owned.ts',
    changes: [{ find: "        tell({ kind: 'gone' });\n", replace: '        void tell;\n' }],
    invariant: 'P2',
  },
  {
    name: 'shards-left-behind',
    recipe,
    wrong: 'A shard that could not be given back stands under a living session, and nobody can have it.',
    file: 'recipes/partitioner-share.ts',
    changes: [{ find: 'sweep(this.#owned.mayHaveStrays)', replace: 'sweep(false)' }],
    invariant: 'PL1',
  },
  {
    name: 'shards-all-move',
    recipe,
    wrong: 'Shards are dealt out in turn, so that one that goes moves nearly all of them.',
    file: 'recipes/partitioner-assignment.ts',
    changes: [
      {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source code.
        find: 'const score = -weight / Math.log(uniform(`${shard}/${id}`));',
        replace: `void [weight, uniform];
    const turn = members.map((one) => one.id).sort().indexOf(id);
    const score = -((turn + shard) % members.length);`,
      },
    ],
    invariant: 'PL2',
  },
];
