import { CoordinationError, printable } from '../../errors.js';
import { type Called, checkHistory, type Operation } from './operation.js';
import { fromLine, toLine } from './values.js';

/** One line of a file: a call, or the end of the call of that number. */
type Line =
  | (Called<unknown> & { readonly call: number })
  | { readonly end: number; readonly kind: string; readonly returnMs?: number };

function corrupt(file: number, line: number, problem: string): CoordinationError {
  return new CoordinationError('CORRUPT_DATA', `Line ${line + 1} of history ${file + 1} ${problem}.`, {
    field: `files[${file}]`,
    problem: `line ${line + 1}`,
  });
}

function parse(text: string, file: number, line: number): Line {
  try {
    const value = fromLine(text) as Partial<Line> | null;
    // Nothing else is believed of it: checkHistory looks at the whole.
    if (value !== null && typeof value === 'object' && ('call' in value || 'end' in value)) return value as Line;
  } catch (error) {
    throw new CoordinationError(
      'CORRUPT_DATA',
      `Line ${line + 1} of history ${file + 1} is no JSON: ${printable(error)}.`,
      {
        cause: error,
        field: `files[${file}]`,
        problem: `line ${line + 1}`,
      },
    );
  }
  throw corrupt(file, line, 'is neither a call nor an end');
}

function readFile(text: string, file: number): Operation<unknown, unknown>[] {
  const lines = text.split('\n');
  // What stands after the last line end was not written to its end: the process was killed meanwhile.
  lines.pop();
  const found = new Map<number, Operation<unknown, unknown>>();
  const ended = new Set<number>();
  for (const [at, each] of lines.entries()) {
    if (each === '') continue;
    const line = parse(each, file, at);
    if ('call' in line) {
      const { call, ...called } = line;
      if (found.has(call)) throw corrupt(file, at, `is call ${call} again: a file is for one history`);
      found.set(call, { ...called, input: called.input, kind: 'unknown' });
      continue;
    }
    const { end, ...ending } = line;
    const called = found.get(end);
    if (called === undefined || ended.has(end)) throw corrupt(file, at, `ends call ${end}, which is not open`);
    ended.add(end);
    // JSON leaves out what is undefined, as the output of what has none.
    const output = ending.kind === 'ok' && !('output' in ending) ? { output: undefined } : {};
    found.set(end, { ...called, ...output, ...ending } as Operation<unknown, unknown>);
  }
  return [...found.values()];
}

/**
 * Reads what histories have written, one text for each file, and joins them in the order of the calls. A last line that was
 * torn by the death of its process is left out, and what had not ended is of unknown outcome. Their clocks must be one; see
 * {@link History}. Throws `CORRUPT_DATA` for anything else, and `INVALID_OPTION` for operations that are none.
 *
 * The types are what the caller says they are: nothing looks into inputs and outputs.
 */
export function readHistory<I, O>(...files: readonly string[]): Operation<I, O>[] {
  const operations = files.flatMap(readFile).sort((a, b) => a.callMs - b.callMs);
  checkHistory(operations);
  return operations as Operation<I, O>[];
}

/** A history as the text of a file, in the form that {@link readHistory} reads. `INVALID_VALUE` for what JSON cannot hold. */
export function historyLines(history: readonly Operation<unknown, unknown>[]): string {
  checkHistory(history);
  const lines = history.flatMap(({ process, callMs, input, ...ending }, at) => [
    toLine({ call: at, process, callMs, input }),
    toLine({ end: at, ...ending }),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}
