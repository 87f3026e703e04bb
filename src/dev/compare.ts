import { Compare } from '../transport/etcd/codec/etcd.js';
import { toBigint } from '../transport/etcd/int64.js';
import type { Version } from '../transport/memory/history.js';
import type { Machine } from './machine.js';
import { spanOf, versionsIn } from './span.js';
import { number, wireLease } from './wire.js';

const { CompareResult, CompareTarget } = Compare;
const zeroLease = { low: 0, high: 0, unsigned: false };

/** What a key that is not there counts as. */
function absent(): Version {
  return { key: '', value: new Uint8Array(), created: 0, modified: 0, version: 0, lease: undefined };
}

/** How what is there stands to what was given: below 0, 0 or above. A value of another kind than the target counts as 0. */
function difference(compare: Compare.$Properties, version: Version): number {
  switch (compare.target ?? CompareTarget.VERSION) {
    case CompareTarget.VERSION:
      return version.version - number(compare.version);
    case CompareTarget.CREATE:
      return version.created - number(compare.createRevision);
    case CompareTarget.MOD:
      return version.modified - number(compare.modRevision);
    case CompareTarget.VALUE:
      return Buffer.compare(version.value, compare.value ?? new Uint8Array());
    case CompareTarget.LEASE: {
      const [there, given] = [toBigint(wireLease(version.lease)), toBigint(compare.lease ?? zeroLease)];
      return there < given ? -1 : there > given ? 1 : 0;
    }
    default:
      return 0;
  }
}

function agrees(compare: Compare.$Properties, version: Version): boolean {
  const sign = difference(compare, version);
  switch (compare.result ?? CompareResult.EQUAL) {
    case CompareResult.EQUAL:
      return sign === 0;
    case CompareResult.NOT_EQUAL:
      return sign !== 0;
    case CompareResult.GREATER:
      return sign > 0;
    case CompareResult.LESS:
      return sign < 0;
    default:
      return true;
  }
}

/** Whether a comparison holds of every key of its range; of none there, whether it holds of zeros, but never of a value. */
export function holds({ state }: Machine, compare: Compare.$Properties): boolean {
  const versions = versionsIn(state.keys, spanOf(compare.key, compare.rangeEnd));
  if (versions.length > 0) return versions.every((version) => agrees(compare, version));
  return compare.target !== CompareTarget.VALUE && agrees(compare, absent());
}
