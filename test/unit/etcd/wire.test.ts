import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absent, held, unchanged } from '../../../src/core/store.js';
import { Compare, KeyValue, LeaseKeepAliveRequest, TxnRequest } from '../../../src/transport/etcd/codec/etcd.js';
import { fromBigint, leaseNumber, leaseText, toBigint } from '../../../src/transport/etcd/int64.js';
import { decodeWith } from '../../../src/transport/etcd/methods.js';
import { endOfPrefix, KeySpace } from '../../../src/transport/etcd/ranges.js';
import { inOrder, txnRequest } from '../../../src/transport/etcd/translate.js';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('an int64', () => {
  it('comes back from the wire as it went in', () => {
    fc.assert(
      fc.property(int64, (value) => {
        const bytes = KeyValue.encode({ modRevision: fromBigint(value) }).finish() as Buffer;
        expect(toBigint(decodeWith(KeyValue)(bytes).modRevision)).toBe(value);
      }),
    );
  });

  it('outside of its range is refused rather than cut', () => {
    expect(() => fromBigint(2n ** 63n)).toThrow(RangeError);
    expect(() => fromBigint(-(2n ** 63n) - 1n)).toThrow(RangeError);
  });
});

describe('a lease id', () => {
  it('is text as Go prints it, and back', () => {
    fc.assert(
      fc.property(int64, (value) => {
        fc.pre(value !== 0n);
        const bytes = LeaseKeepAliveRequest.encode({ ID: leaseNumber(value.toString(16)) }).finish() as Buffer;
        expect(leaseText(decodeWith(LeaseKeepAliveRequest)(bytes).ID)).toBe(value.toString(16));
      }),
    );
  });

  it.each(['0', '', 'x', '7ABC', '0x1', '8000000000000000', '-8000000000000001', '1.5', ' 1'])('is not %j', (text) => {
    expect(() => leaseNumber(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('the end of a prefix', () => {
  it('is above every key with the prefix and not above any other key that is greater', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(bytes, bytes, (prefix, key) => {
        const end = endOfPrefix(prefix);
        const open = end.length === 1 && end[0] === 0;
        const within = Buffer.compare(key, prefix) >= 0 && (open || Buffer.compare(key, end) < 0);
        expect(within).toBe(Buffer.from(key.subarray(0, prefix.length)).equals(Buffer.from(prefix)));
      }),
    );
  });
});

describe('a namespace', () => {
  it('never lets a range out, whatever the keys', () => {
    const space = new KeySpace('/ns');
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (text) => {
        const { key, rangeEnd } = space.range({ prefix: `/${text}/` });
        expect(Buffer.from(key).toString().startsWith('/ns/')).toBe(true);
        expect(Buffer.compare(rangeEnd ?? key, Buffer.from('/ns0'))).toBeLessThanOrEqual(0);
        expect(space.toText(space.toWire(`/${text}`))).toBe(`/${text}`);
      }),
    );
  });

  it.each([{ key: 'x' }, { prefix: 'x/' }])('refuses %o, which would end up beside it', (range) => {
    expect(() => new KeySpace('/ns').check([{ key: '/fine' }, range])).toThrow(
      expect.objectContaining({ code: 'INVALID_KEY', problem: 'no-leading-slash' }),
    );
    expect(() => new KeySpace('').check([range])).not.toThrow();
  });

  it('takes a foreign key in an answer for what it is', () => {
    expect(() => new KeySpace('/ns').toText(Buffer.from('/other'))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
    );
  });
});

describe('a guard', () => {
  it.each([
    [absent('k'), 'CREATE EQUAL 0'],
    [unchanged('k', 5n), 'MOD EQUAL 5'],
    [held('k', 7n, '1'), 'CREATE EQUAL 7'],
    // etcd says 0 of a key that does not exist: a guard for revision 0 must not hold then.
    [unchanged('k', 0n), 'CREATE LESS 0'],
    [held('k', 0n, '1'), 'CREATE LESS 0'],
  ])('%o compares %s', (guard, expected) => {
    const { compare } = decodeWith(TxnRequest)(txnRequest(new KeySpace(''), [guard], [], []));
    const { target, result, modRevision, createRevision } = compare[0] ?? {};
    const revision = toBigint(modRevision ?? createRevision ?? fromBigint(-1n));
    expect(`${Compare.CompareTarget[target ?? 0]} ${Compare.CompareResult[result ?? 0]} ${revision}`).toBe(expected);
  });
});

describe('entries by age', () => {
  const entry = (key: string, created: bigint): never =>
    ({ key, created, modified: created, value: new Uint8Array() }) as never;

  it('follow by key where one commit made them', () => {
    const order = inOrder({ prefix: '/', order: 'newest' }, [entry('b', 1n), entry('c', 2n), entry('a', 1n)]);
    expect(order).toMatchObject([{ key: 'c' }, { key: 'a' }, { key: 'b' }]);
  });

  it('are told to be incomplete where a limit cuts through those that one commit made', () => {
    const entries = [entry('a', 1n), entry('b', 2n), entry('c', 2n)];
    expect(inOrder({ prefix: '/', order: 'oldest', limit: 2 }, entries)).toBe('cut');
    expect(inOrder({ prefix: '/', order: 'oldest', limit: 1 }, entries.slice(0, 2))).toMatchObject([{ key: 'a' }]);
  });
});

describe('the generated codec', () => {
  it('is what the .proto file says', () => {
    const script = fileURLToPath(new URL('../../../scripts/codegen.mjs', import.meta.url));
    execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' });
  });
});
