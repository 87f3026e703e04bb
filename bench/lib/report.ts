import type { Figure, Limits } from './figures.js';

/** A table of figures for people. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [figure.bench, figure.name, amount(figure), verdict(figure)]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const [first = 0, second = 0, third = 0] = widths;
  const line = ([bench = '', name = '', value = '', gate = '']: readonly string[]): string =>
    `${bench.padEnd(first)}  ${name.padEnd(second)}  ${value.padStart(third)}  ${gate}`.trimEnd();
  return rows.map(line).join('\n');
}

function amount({ value, unit }: Figure): string {
  return unit === '' ? rounded(value) : `${rounded(value)} ${unit}`;
}

/** Three digits that count, or the whole number where there are more. */
export function rounded(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function verdict({ gate }: Figure): string {
  if (gate === undefined) return '';
  return gate.ok ? `ok, ${asked(gate)}` : `MISSED, ${asked(gate)}`;
}

function asked({ min, max }: Limits): string {
  if (min !== undefined && min === max) return `exactly ${rounded(min)}`;
  const parts = [
    min === undefined ? '' : `at least ${rounded(min)}`,
    max === undefined ? '' : `at most ${rounded(max)}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
