import { checkKnown, invalidOption } from '../core/checks.js';
import type { Candidate } from './service-registry-balance.js';

/** How instances that fail are kept out of the picks. */
export interface EjectionOptions {
  /** How long the first failure keeps an instance out, in milliseconds, above 0. Doubles with each further one. Default 1,000. */
  readonly baseMs?: number | undefined;
  /** The longest time for which one is kept out, in milliseconds, from `baseMs`. Default 60,000. */
  readonly capMs?: number | undefined;
  /** Which share of the instances may be out at once, from 0 (none ever) to 1; rounded down. Default 0.5. */
  readonly maxShare?: number | undefined;
}

/** {@link EjectionOptions} with nothing left open. */
export interface Ejection {
  readonly baseMs: number;
  readonly capMs: number;
  readonly maxShare: number;
}

/** Throws `INVALID_OPTION`, `UNKNOWN_OPTION`. */
export function ejectionOf(options: EjectionOptions = {}): Ejection {
  checkKnown(options, ['baseMs', 'capMs', 'maxShare'], 'ejection');
  const { baseMs = 1_000, capMs = Math.max(60_000, Number(options.baseMs ?? 0)), maxShare = 0.5 } = options;
  if (!(Number.isFinite(baseMs) && baseMs > 0))
    throw invalidOption('baseMs', 'baseMs must be a number of milliseconds above 0.');
  if (!(Number.isFinite(capMs) && capMs >= baseMs)) throw invalidOption('capMs', 'capMs must not be less than baseMs.');
  if (!(maxShare >= 0 && maxShare <= 1)) throw invalidOption('maxShare', 'maxShare must be a number from 0 to 1.');
  return { baseMs, capMs, maxShare };
}

/** Takes note of a failure. Calls that were under way when another one failed say no more than that one. */
export function punish(candidate: Candidate<unknown>, { baseMs, capMs }: Ejection, now: number): void {
  if (candidate.ejectedUntil > now) return;
  candidate.ejectedUntil = now + Math.min(capMs, baseMs * 2 ** Math.min(candidate.failures, 30));
  candidate.failures++;
}

/** Takes note of a success: the past is forgotten. */
export function forgive(candidate: Candidate<unknown>): void {
  candidate.failures = 0;
  candidate.ejectedUntil = 0;
}

/**
 * Which of the candidates are out now. Where more have failed than the share allows, those stay out that failed most
 * often, then those that are out for longest.
 */
export function ejectedOf<Meta>(
  candidates: readonly Candidate<Meta>[],
  { maxShare }: Ejection,
  now: number,
): ReadonlySet<Candidate<Meta>> {
  const out = candidates.filter((one) => one.ejectedUntil > now);
  const most = Math.floor(candidates.length * maxShare);
  if (out.length > most) {
    out.sort((a, b) => b.failures - a.failures || b.ejectedUntil - a.ejectedUntil);
    out.length = most;
  }
  return new Set(out);
}
