import { type ErrorCode, isCoordinationError, printable } from '../../errors.js';

/** What a case of the contract fails with: the store broke a promise. */
export class ContractViolation extends Error {
  override readonly name = 'ContractViolation';
}

/** Fails the case unless the condition holds. */
export function check(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new ContractViolation(promise);
}

function render(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (part instanceof Map) return [...part];
    if (part instanceof Uint8Array) return `bytes ${Buffer.from(part).toString('hex')}`;
    return part;
  });
  return text ?? String(value);
}

/** Fails the case unless both look the same, field by field. */
export function same(actual: unknown, expected: unknown, promise: string): void {
  const [got, wanted] = [render(actual), render(expected)];
  if (got === wanted) return;
  throw new ContractViolation(`${promise}: expected ${wanted.slice(0, 2_000)}, got ${got.slice(0, 2_000)}`);
}

/** Fails the case unless the call fails, at once or later. Returns what it failed with. */
export async function failure(call: () => unknown, what: string): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new ContractViolation(`${what} must be rejected, but succeeded`);
}

/** Fails the case unless the call fails with one of these codes. */
export async function refuses(
  codes: ErrorCode | readonly ErrorCode[],
  call: () => unknown,
  what: string,
): Promise<void> {
  const error = await failure(call, what);
  const wanted: readonly string[] = [codes].flat();
  const got = isCoordinationError(error) ? error.code : printable(error);
  check(wanted.includes(got), `${what} must be rejected with ${wanted.join(' or ')}, not with ${got}`);
}
