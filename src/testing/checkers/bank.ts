import { checkFlag, checkKnown } from '../../core/checks.js';
import { type Whole, whole } from './data-models.js';
import { line } from './model.js';
import { checkHistory, type Done, doneOf, type Operation } from './operation.js';

/** What is done to a bank: money is moved, or all balances are read. */
export type BankInput =
  | { readonly op: 'transfer'; readonly from: string; readonly to: string; readonly amount: Whole }
  | { readonly op: 'read' };

/** All accounts, as a read showed them; transfers answer with nothing that is looked at. */
export type Balances = Readonly<Record<string, Whole>>;

export interface BankOptions {
  /** What all accounts have together, at any time. */
  readonly total: Whole;
  /** Whether an account may be below 0. Default false. */
  readonly negative?: boolean;
}

/** A read that shows what never can have been. */
export interface WrongRead {
  readonly operation: Done<BankInput, Balances | undefined>;
  readonly total: bigint;
  /** Accounts below 0, where that is not allowed. */
  readonly negative: readonly string[];
}

/** What a check of a bank came to. */
export interface Bank {
  readonly verdict: 'legal' | 'illegal';
  readonly wrong: readonly WrongRead[];
  describe(): string;
}

/**
 * Tells whether each read of all accounts shows the same total, and no account below 0: money that is moved by transactions
 * is neither made nor lost, and no read sees a half of one. Linear. Throws `INVALID_OPTION` and `UNKNOWN_OPTION`, and
 * `INVALID_VALUE` for what is no integer.
 */
export function checkBank(history: readonly Operation<BankInput, Balances | undefined>[], options: BankOptions): Bank {
  checkHistory(history);
  checkKnown(options, ['total', 'negative'], 'checkBank');
  checkFlag(options.negative, 'negative');
  const expected = whole(options.total, 'total');
  const wrong = doneOf(history).flatMap((operation): WrongRead[] => {
    if (operation.input.op !== 'read') return [];
    const accounts = Object.entries(operation.output ?? {}).map(([name, value]) => [name, whole(value, name)] as const);
    const total = accounts.reduce((sum, [, value]) => sum + value, 0n);
    const below = accounts.flatMap(([name, value]) => (value < 0n && options.negative !== true ? [name] : []));
    return total === expected && below.length === 0 ? [] : [{ operation, total, negative: below }];
  });
  const verdict = wrong.length === 0 ? 'legal' : 'illegal';
  const describe = (): string => {
    const lines = wrong.slice(0, 8).map(({ operation, total, negative }) => {
      const below = negative.length === 0 ? '' : `, below 0: ${negative.join(', ')}`;
      return `\n    total ${total}${below}: ${line(operation)}`;
    });
    return `The bank of ${expected} is ${verdict}: ${wrong.length} reads are wrong.${lines.join('')}`;
  };
  return { verdict, wrong, describe };
}
