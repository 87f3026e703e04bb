/** What a figure has to keep: not below `min`, not above `max`. */
export interface Limits {
  readonly min?: number;
  readonly max?: number;
}

export interface Gate extends Limits {
  readonly ok: boolean;
}

/** One number that was measured. */
export interface Figure {
  readonly bench: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly gate?: Gate;
  /** What it was computed from. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Whether a value keeps the limits. What is not a number keeps none. */
export function gateOf(value: number, limits: Limits): Gate {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = limits;
  return { ...limits, ok: value >= min && value <= max };
}

export type Detail = Readonly<Record<string, unknown>>;

/** Makes the figures of one bench. */
export class Figures {
  readonly list: Figure[] = [];
  readonly #bench: string;

  constructor(bench: string) {
    this.#bench = bench;
  }

  /** Adds a figure that is only told. */
  add(name: string, value: number, unit: string, detail: Detail = {}): this {
    this.list.push({ bench: this.#bench, name, value, unit, detail });
    return this;
  }

  /** Adds a figure that has to keep limits. */
  gated(name: string, value: number, unit: string, limits: Limits, detail: Detail = {}): this {
    this.list.push({ bench: this.#bench, name, value, unit, gate: gateOf(value, limits), detail });
    return this;
  }
}

/** The figures that miss their gate. */
export function missed(figures: readonly Figure[]): readonly Figure[] {
  return figures.filter(({ gate }) => gate !== undefined && !gate.ok);
}

/** What the process should end with: 1 where gates count and one is missed, or where a bench gave no figures. */
export function exitCode(figures: readonly Figure[], broken: readonly string[], gated: boolean): 0 | 1 {
  return broken.length > 0 || (gated && missed(figures).length > 0) ? 1 : 0;
}
