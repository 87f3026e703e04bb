import { faultNames } from 'coterie/testing';
import type { RecipeSimulation } from './recipe.js';
import type { ShareReport } from './work.js';

/** What all shares of a recipe came to. */
export interface Total extends ShareReport {
  /** What should have happened, and did not in any run. */
  readonly missing: readonly string[];
}

function sum(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const all = { ...a };
  for (const [name, count] of Object.entries(b)) all[name] = (all[name] ?? 0) + count;
  return all;
}

export function addReports(a: ShareReport | undefined, b: ShareReport): ShareReport {
  if (a === undefined) return b;
  return {
    recipe: b.recipe,
    seeds: a.seeds + b.seeds,
    simulatedMs: a.simulatedMs + b.simulatedMs,
    steps: a.steps + b.steps,
    struck: sum(a.struck, b.struck),
    reached: sum(a.reached, b.reached),
    failures: [...a.failures, ...b.failures],
    seconds: a.seconds + b.seconds,
  };
}

/** What should have happened in some run, and did not: a fault that never struck, or a thing that never came about. */
export function missingFrom({ spared = {}, sometimes }: RecipeSimulation, { struck, reached }: ShareReport): string[] {
  const idle = faultNames.filter((name) => !(name in spared) && struck[name] === undefined);
  return [...idle.map((name) => `fault ${name}`), ...sometimes.filter((what) => reached[what] === undefined)];
}

/** The lines that tell people of a recipe. */
export function linesOf({ recipe, seeds, seconds, simulatedMs, failures, missing }: Total): string[] {
  const hours = (simulatedMs / 3_600_000).toFixed(1);
  return [
    `${recipe}: ${seeds} seeds, ${hours} simulated hours, ${(seeds / seconds).toFixed(1)} seeds a second a process`,
    ...missing.map((what) => `  never happened: ${what}`),
    ...failures.slice(0, 5).map(({ seed, store, message }) => `  seed ${seed} on ${store}: ${message}`),
  ];
}
