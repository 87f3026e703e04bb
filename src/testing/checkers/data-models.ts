import { CoordinationError, printable } from '../../errors.js';
import type { Model } from './model.js';

/** What a register, a queue or a set of these checkers holds: values that compare by `===`. */
export type Scalar = string | number | bigint | boolean | null | undefined;

/** What is asked of a register: `cas` writes `to` where it holds `from`. */
export type RegisterInput<V extends Scalar> = (
  | { readonly op: 'read' }
  | { readonly op: 'write'; readonly value: V }
  | { readonly op: 'cas'; readonly from: V; readonly to: V }
) & {
  /** The register, where there are several. */
  readonly key?: string;
};

const partition = ({ key = '' }: { readonly key?: string }): string => key;

/**
 * One value. `read` answers with it, `cas` with true where it wrote and false where it held something else; the answer of a
 * `write` is not looked at.
 */
export function registerModel<V extends Scalar>(initial: V): Model<V, RegisterInput<V>, V | boolean | undefined> {
  return {
    name: 'a register',
    initial,
    partition,
    isRead: ({ op }, outcome) => op === 'read' || (op === 'cas' && outcome.kind === 'ok' && outcome.output === false),
    step(value, input, outcome) {
      const said = outcome.kind === 'ok' ? outcome : undefined;
      if (input.op === 'write') return [input.value];
      if (input.op === 'read') return said === undefined || said.output === value ? [value] : [];
      const fits = value === input.from;
      if (said !== undefined && said.output !== fits) return [];
      return [fits ? input.to : value];
    },
  };
}

/** An integer, as a number or a bigint. */
export type Whole = number | bigint;

/** An integer as a bigint, or `INVALID_VALUE`. */
export function whole(value: unknown, what: string): bigint {
  if (typeof value === 'bigint') return value;
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  throw new CoordinationError('INVALID_VALUE', `${what} must be an integer, got ${printable(value)}.`, { field: what });
}

/** What is asked of a counter. */
export type CounterInput = ({ readonly op: 'read' } | { readonly op: 'add'; readonly amount: Whole }) & {
  /** The counter, where there are several. */
  readonly key?: string;
};

/** A sum. `read` answers with it; `add` with the new one, or with undefined, which is not looked at. */
export function counterModel(initial: Whole = 0): Model<bigint, CounterInput, Whole | undefined> {
  return {
    name: 'a counter',
    initial: whole(initial, 'initial'),
    partition,
    isRead: ({ op }) => op === 'read',
    step(sum, input, outcome) {
      const next = input.op === 'add' ? sum + whole(input.amount, 'amount') : sum;
      const said = outcome.kind === 'ok' ? outcome.output : undefined;
      if (said === undefined) return input.op === 'read' && outcome.kind === 'ok' ? [] : [next];
      return whole(said, 'output') === next ? [next] : [];
    },
  };
}
