import { everyPoint, type PersonalityName, type Point, type PointsReport, Violation } from 'coterie/testing';
import type { PointTrial } from './trial.js';
import { trials } from './trials.js';

/** One trial on one store. */
export interface PointsShare {
  readonly name: string;
  readonly store: PersonalityName;
  readonly pairs: boolean;
  /** Just these, instead of all. */
  readonly only?: readonly Point[];
}

/** What came of it. */
export interface PointsResult extends PointsShare {
  readonly report: PointsReport | undefined;
  /** What was broken, and where; undefined where nothing was. */
  readonly failure: { readonly invariant: string; readonly message: string } | undefined;
  readonly seconds: number;
}

const stores = ['etcd', 'consul'] as const;

/** The trials whose names begin so, each on each store that it can be tried on. */
export function sharesOf(only: string | undefined, store: string | undefined, pairs: boolean): PointsShare[] {
  const chosen = trials.filter(({ name }) => only === undefined || name.startsWith(only));
  return chosen.flatMap((trial) => {
    const on = stores.filter((one) => (trial.stores ?? stores).includes(one) && (store ?? one) === one);
    return on.map((one) => ({ name: trial.name, store: one, pairs }));
  });
}

function trialOf(name: string): PointTrial {
  const found = trials.find((trial) => trial.name === name);
  if (found === undefined) throw new Error(`There is no trial of "${name}".`);
  return found;
}

export async function searchShare(share: PointsShare): Promise<PointsResult> {
  const { trial, harms } = trialOf(share.name);
  const { store, pairs, only } = share;
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  try {
    const report = await everyPoint(trial, { store, pairs, harms, only });
    return { ...share, report, failure: undefined, seconds: seconds() };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const { invariant, message } = error;
    return { ...share, report: undefined, failure: { invariant, message }, seconds: seconds() };
  }
}
