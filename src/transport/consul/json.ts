import { CoordinationError } from '../../errors.js';

/** Whether there can be a number in it that JavaScript's own would round. */
const longNumber = /\d{16}/;
/** Strings, which are left as they are, and long numbers. */
const token = /"(?:[^"\\]|\\.)*"|-?\d{16,}/g;

/**
 * Parses JSON without rounding: whole numbers of 16 digits and more become strings, which {@link wholeNumber} reads. Throws
 * `PROTOCOL_ERROR`.
 */
export function parseExactly(text: string): unknown {
  try {
    if (!longNumber.test(text)) return JSON.parse(text);
    return JSON.parse(text.replace(token, (found) => (found.startsWith('"') ? found : `"${found}"`)));
  } catch (cause) {
    throw new CoordinationError('PROTOCOL_ERROR', 'The answer is not JSON.', { cause });
  }
}

const maxUint64 = 2n ** 64n - 1n;

/** A whole number from an answer, with every digit. Throws `PROTOCOL_ERROR` for anything but 0 to 2^64 - 1. */
export function wholeNumber(value: unknown, field: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) {
    const number = BigInt(value);
    if (number <= maxUint64) return number;
  }
  throw garbled(`${field} is no whole number`);
}

/** The error of an answer that no Consul gives. */
export function garbled(what: string): CoordinationError {
  return new CoordinationError('PROTOCOL_ERROR', `The answer is not what a Consul gives: ${what}.`);
}

/** An object of an answer. Throws `PROTOCOL_ERROR`. */
export function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw garbled(`${what} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

/** A list of an answer; what is null is empty, as Go writes it. Throws `PROTOCOL_ERROR`. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw garbled(`${what} is no list`);
  return value;
}
