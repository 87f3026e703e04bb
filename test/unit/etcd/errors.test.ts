import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { put } from '../../../src/core/store.js';
import { byBeginning, byStatus, byText, type Meaning } from '../../../src/transport/etcd/failure-table.js';
import { failureOf } from '../../rejections.js';
import { fakeEtcd, storeOn, tidyUp } from './tools.js';

tidyUp();

interface Row {
  readonly name: string;
  readonly code: status;
  readonly text: string;
  readonly meaning: Meaning;
}

const rows: Row[] = [
  ...[...byText].map(([text, meaning]) => ({ name: text, code: status.UNKNOWN, text: `etcdserver: ${text}`, meaning })),
  ...byBeginning.map(([text, meaning]) => ({
    name: `${text}...`,
    code: status.UNKNOWN,
    text: `${text} and more`,
    meaning,
  })),
  ...[...byStatus].map(([code, meaning]) => ({
    name: status[code] as string,
    code,
    text: 'no text known to us',
    meaning,
  })),
];

/** A retryable error says that the same call can be made again: only where nothing was applied and the cause passes. */
const retryable = new Set(['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT']);

describe('an error of the server', () => {
  it.each(rows)('$name has its code, and a write tells whether it may have been applied', async (row) => {
    const { code, applied } = row.meaning;
    const fake = await fakeEtcd();
    fake.on('Range', () => ({ code: row.code, details: row.text }));
    fake.on('Txn', () => ({ code: row.code, details: row.text }));
    const store = storeOn(fake.endpoint, { retry: { attempts: 1 } });
    const ofRead = await failureOf(store.read({ key: 'k' }));
    const ofWrite = await failureOf(store.commit([], [put('k', 'v')]));
    expect(ofRead).toMatchObject({ code, retryable: retryable.has(code), key: 'k' });
    expect(ofWrite.code).toBe(applied === 'unknown' ? 'UNKNOWN_OUTCOME' : code);
    expect(ofWrite.retryable).toBe(applied === 'no' && retryable.has(code));
    expect(fake.count('Txn')).toBe(1);
  });

  it.each(rows.filter(({ meaning }) => meaning.applied === 'unknown'))(
    '$name never makes the transport send a write again',
    async (row) => {
      const fake = await fakeEtcd();
      fake.on('Txn', () => ({ code: row.code, details: row.text }));
      const error = await failureOf(storeOn(fake.endpoint).commit([], [put('k', 'v')]));
      expect(error.code).toBe('UNKNOWN_OUTCOME');
      expect(fake.count('Txn')).toBe(1);
    },
  );

  it('is cut and escaped before it stands in a message', async () => {
    const fake = await fakeEtcd();
    fake.on('Range', () => ({ code: status.INVALID_ARGUMENT, details: `a\u001b[31m${'x'.repeat(5_000)}` }));
    const { message } = await failureOf(storeOn(fake.endpoint).read({ key: 'k' }));
    expect(message).toContain('\\u001b[31m');
    expect(message.length).toBeLessThan(500);
  });
});

describe('docs/internals/errors.md', () => {
  const text = readFileSync(new URL('../../../docs/internals/errors.md', import.meta.url), 'utf8');
  const documented = text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map(([, name, code, applied, retry]) => ({ name, code, applied, retry }));

  it('has one row for each row of the code, and they say the same', () => {
    const expected = rows.map(({ name, meaning }) => ({
      name,
      code: meaning.code,
      applied: meaning.applied === 'no' ? 'no' : 'unknown',
      retry: retryable.has(meaning.code) ? 'yes' : 'no',
    }));
    const order = (a: { name?: string | undefined }, b: { name?: string | undefined }): number =>
      `${a.name}` < `${b.name}` ? -1 : 1;
    expect(documented.sort(order)).toEqual(expected.sort(order));
  });
});
