/**
 * The one place where an int64 of the wire changes its form. A revision is a bigint on our side and a lease id is text, as
 * Go prints it with %x; neither ever passes through a number that cannot hold it. The codec must be given the two halves:
 * a bigint handed to it is written as 0, without a word.
 */
import { CoordinationError, printable } from '../../errors.js';
import type { Int64 } from './codec/etcd.js';

const twoTo32 = 4_294_967_296;
const safeHigh = 2 ** 21;

/** A signed int64 as a bigint. */
export function toBigint(value: Int64): bigint {
  const { low, high } = value;
  // Revisions below 2^53, which is all of them in practice, cost one conversion.
  if (high >= 0 && high < safeHigh) return BigInt(high * twoTo32 + (low >>> 0));
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}

/** Whether an int64 is 0, which is what proto3 says for "not set". */
export function isZero(value: Int64): boolean {
  return value.low === 0 && value.high === 0;
}

export function sameInt64(a: Int64, b: Int64): boolean {
  return (a.low | 0) === (b.low | 0) && (a.high | 0) === (b.high | 0);
}

const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;

/** A bigint as the codec takes it. Throws RangeError outside of int64: callers have checked what users gave. */
export function fromBigint(value: bigint): Int64 {
  if (value < smallest || value > largest) throw new RangeError('a 64-bit integer is out of range');
  const low = Number(BigInt.asIntN(32, value));
  return { low, high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: false };
}

/** A small whole number (a limit, a count of seconds) as the codec takes it. */
export function fromNumber(value: number): Int64 {
  return fromBigint(BigInt(value));
}

const hexId = /^-?[0-9a-f]{1,16}$/;

/** A lease id in lower-case hex without padding. */
export function leaseText(id: Int64): string {
  return toBigint(id).toString(16);
}

/** The lease id behind its text. What no etcd can have granted is refused with `INVALID_OPTION`. */
export function leaseNumber(lease: string): Int64 {
  const negative = lease.startsWith('-');
  const size = hexId.test(lease) ? BigInt(`0x${negative ? lease.slice(1) : lease}`) : 0n;
  const id = negative ? -size : size;
  if (id === 0n || id < smallest || id > largest) {
    const sentence = `"${printable(lease)}" is not the id of an etcd lease, which is up to 16 hexadecimal digits.`;
    throw new CoordinationError('INVALID_OPTION', sentence, { field: 'lease', problem: 'not-a-lease', lease });
  }
  return fromBigint(id);
}
