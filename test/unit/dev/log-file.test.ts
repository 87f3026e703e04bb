/** The file of `coterie dev`: whatever happens to it, what is read from it is what the store was at some moment. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compact } from '../../../src/dev/compact.js';
import { Crc32 } from '../../../src/dev/crc32.js';
import { grant, revoke } from '../../../src/dev/leases.js';
import { LogFile } from '../../../src/dev/log-file.js';
import { compactRevision, end, type Machine, machineAt, type Step } from '../../../src/dev/machine.js';
import { Refusal } from '../../../src/dev/refusal.js';
import { deleteRange, putOne, txn } from '../../../src/dev/txn.js';
import { int64 } from '../../../src/dev/wire.js';

const history = { revisions: 1_000 };
const origin = { clusterId: int64(11), memberId: int64(12) };
let folder = '';
const opened = new Set<LogFile>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coterie-log-'));
});

afterEach(() => {
  for (const file of opened) file.close();
  opened.clear();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly file: LogFile;
  readonly machine: Machine;
  readonly notices: string[];
}

function open(path: string, growthBytes?: number): Opened {
  const notices: string[] = [];
  const file = new LogFile(path, { history, now: 0, onNotice: (notice) => notices.push(notice), growthBytes });
  opened.add(file);
  const machine = file.restored?.machine ?? machineAt(1, history);
  file.begin(machine, file.restored?.origin ?? origin);
  return { file, machine, notices };
}

function close({ file }: Opened): void {
  file.close();
  opened.delete(file);
}

/** All that there is to know of a store but its past, as text. */
function picture({ state, compactedTo }: Machine): string {
  const leases = state.leases.all().map(({ id, ttlMs, keys }) => [id, ttlMs, [...keys].sort()]);
  const keys = state.keys.all().map((version) => ({ ...version, value: Buffer.from(version.value).toString('hex') }));
  return JSON.stringify({ revision: state.revision, compactedTo, leases, keys });
}

type Act = (machine: Machine, steps: Step[]) => void;

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** Numbers choose what is done: the first what, the second to what, the third with what. */
function actOf([what, which, more]: readonly number[] = []): Act {
  const key = bytes(`k\xff${(which ?? 0) % 5}`);
  const lease = int64(1 + ((more ?? 0) % 3));
  const put = { key, value: bytes('v'.repeat((more ?? 0) % 9)) };
  const acts: readonly Act[] = [
    (machine, steps) => putOne(machine, put, steps),
    (machine, steps) => putOne(machine, { ...put, lease }, steps),
    (machine, steps) => deleteRange(machine, { key, rangeEnd: Uint8Array.of(0) }, steps),
    (machine, steps) => grant(machine, { ID: lease, TTL: int64(60) }, () => '', 0, steps),
    (machine, steps) => revoke(machine, { ID: lease }, steps),
    (machine, steps) => compact(machine, { revision: int64(machine.state.revision - ((more ?? 0) % 3)) }, steps),
    (machine, steps) => {
      const other = { key: bytes('other'), value: bytes('x') };
      txn(
        machine,
        { success: [{ requestPut: put }, { requestPut: other }, { requestDeleteRange: { key: bytes('k9') } }] },
        steps,
      );
    },
    (machine, steps) => end(machine, String(1 + ((more ?? 0) % 3)), steps),
  ];
  return acts[(what ?? 0) % acts.length] as Act;
}

/** Does it and keeps it, as one record at most. What is refused has changed nothing. Says whether something changed. */
function perform({ file, machine }: Opened, act: Act): boolean {
  const steps: Step[] = [];
  try {
    act(machine, steps);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  expect(steps.length).toBeLessThan(2);
  if (steps.length > 0) file.keep(steps);
  return steps.length > 0;
}

const lives = fc.array(fc.tuple(fc.nat(7), fc.nat(9), fc.nat(9)), { minLength: 20, maxLength: 50 });

/** The bytes of a file, and what the store was when the file was so long, the longest last. */
interface Lived {
  readonly bytes: Buffer;
  readonly moments: readonly { readonly length: number; readonly picture: string }[];
}

function live(path: string, acts: readonly (readonly number[])[]): Lived {
  const one = open(path);
  const moments = [{ length: statSync(path).size, picture: picture(one.machine) }];
  for (const numbers of acts) {
    if (perform(one, actOf(numbers))) moments.push({ length: statSync(path).size, picture: picture(one.machine) });
  }
  close(one);
  return { bytes: readFileSync(path), moments };
}

/** Opens a file with these bytes, and shows what is read; it must be whole when it is opened again. */
function reread(bytes: Buffer): string {
  const path = join(folder, 'damaged');
  writeFileSync(path, bytes);
  const first = open(path);
  const seen = picture(first.machine);
  close(first);
  const second = open(path);
  expect(second.notices).toEqual([]);
  expect(picture(second.machine)).toBe(seen);
  close(second);
  return seen;
}

describe('the file', () => {
  test('read again, has all that there was: keys, leases, revision, compaction, ids', () => {
    fc.assert(
      fc.property(lives, (acts) => {
        const path = join(folder, 'whole');
        const { moments } = live(path, acts);
        const again = open(path);
        expect(again.notices).toEqual([]);
        expect(picture(again.machine)).toBe(moments.at(-1)?.picture);
        expect(again.file.restored?.origin).toMatchObject({ clusterId: { low: 11 }, memberId: { low: 12 } });
        close(again);
        rmSync(path);
      }),
      { numRuns: 40 },
    );
  });

  test('cut off after any byte, is what the store was at the last record that is whole', () => {
    const { bytes, moments } = live(join(folder, 'life'), sample());
    const empty = picture(machineAt(1, history));
    for (let length = 0; length < bytes.length; length++) {
      const expected = moments.findLast((moment) => moment.length <= length)?.picture ?? empty;
      expect(reread(bytes.subarray(0, length)), `${length} bytes`).toBe(expected);
    }
  }, 60_000);

  test('with any byte altered, is what the store was before the record that is damaged, or is refused and left alone', () => {
    const { bytes, moments } = live(join(folder, 'life'), sample());
    const empty = picture(machineAt(1, history));
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      if (at < 8) {
        expect(() => reread(damaged)).toThrow(expect.objectContaining({ code: 'CORRUPT_DATA' }));
        expect(readFileSync(join(folder, 'damaged'))).toEqual(damaged);
        continue;
      }
      const expected = moments.findLast((moment) => moment.length <= at)?.picture ?? empty;
      expect(reread(damaged), `byte ${at}`).toBe(expected);
    }
  }, 60_000);

  test('with whatever at its end, or instead of it, never is more than what there was', () => {
    fc.assert(
      fc.property(lives, fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(), (acts, rubbish, where) => {
        const path = join(folder, 'life');
        const { bytes, moments } = live(path, acts);
        rmSync(path);
        const cut = 8 + (where % (bytes.length - 8));
        const known = [picture(machineAt(1, history)), ...moments.map((moment) => moment.picture)];
        expect(known).toContain(reread(Buffer.concat([bytes.subarray(0, cut), rubbish])));
        expect(reread(Buffer.concat([bytes, rubbish]))).toBe(known.at(-1));
      }),
      { numRuns: 60 },
    );
  });

  test('says in one sentence what was cut off, and puts aside what cannot be read at all', () => {
    const path = join(folder, 'life');
    const { bytes } = live(path, sample());
    appendFileSync(path, 'torn');
    const cut = open(path);
    expect(cut.notices).toEqual([
      expect.stringMatching(/the last 4 bytes are not whole and were cut off, after revision/),
    ]);
    close(cut);
    expect(readFileSync(path)).toEqual(bytes);
    const unreadable = Buffer.from(bytes);
    unreadable[12] = (unreadable[12] as number) ^ 1;
    writeFileSync(path, unreadable);
    const aside = open(path);
    expect(aside.notices).toEqual([expect.stringContaining('put aside')]);
    close(aside);
    expect(readFileSync(`${path}.damaged`)).toEqual(unreadable);
  });

  test('that is not one of ours is refused and left as it is', () => {
    const path = join(folder, 'letter');
    writeFileSync(path, 'Dear Sir or Madam');
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'CORRUPT_DATA', field: 'data' }));
    expect(readFileSync(path, 'utf8')).toBe('Dear Sir or Madam');
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test('that cannot be had is refused, with the option named', () => {
    for (const path of [folder, join(folder, 'no', 'such')]) {
      expect(() => open(path)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', problem: 'not-a-file' }));
    }
  });

  test('is written anew when it has grown, keeps what there is, and is for its owner alone', () => {
    const path = join(folder, 'growing');
    const one = open(path, 2_000);
    const put = (n: number): Act => actOf([0, n, 7]);
    for (let n = 0; n < 500; n++) {
      perform(one, put(n));
      expect(statSync(path).size).toBeLessThan(6_000);
    }
    expect(one.machine.state.revision).toBe(501);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['growing', 'growing.lock']);
    const before = picture(one.machine);
    close(one);
    const again = open(path);
    expect(picture(again.machine)).toBe(before);
    // The past went with the old file.
    expect(compactRevision(again.machine)).toBeGreaterThan(400);
  });

  test('keeps the past since it was begun, so that it can still be read and watched', () => {
    const path = join(folder, 'past');
    live(path, [
      [0, 1, 1],
      [0, 1, 2],
      [0, 1, 3],
    ]);
    const { machine } = open(path);
    expect(machine.state.history.since(1)?.map(({ revision }) => revision)).toEqual([2, 3, 4]);
  });
});

describe('a file in use', () => {
  test('is refused to a second one, and can be had once the first has let go', () => {
    const path = join(folder, 'one');
    const first = open(path);
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', problem: 'in-use' }));
    close(first);
    close(open(path));
  });

  test.each([
    ['a process that is gone', '999999999\n'],
    ['one that did not finish writing its number', ''],
  ])('is had where the lock is that of %s', (_, text) => {
    const path = join(folder, 'one');
    writeFileSync(`${path}.lock`, text);
    const one = open(path);
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(`${process.pid}\n`);
    close(one);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });
});

test('the checksum is that of zip', () => {
  expect(new Crc32().of(Buffer.from('123456789'))).toBe(0xcbf43926);
  fc.assert(
    fc.property(fc.uint8Array(), (data) => {
      // Node has it only from some version on.
      const { crc32 } = zlib as unknown as { crc32?: (data: Uint8Array) => number };
      if (crc32 !== undefined) expect(new Crc32().of(data)).toBe(crc32(data));
    }),
  );
});

/** A life with every kind of change in it. */
function sample(): (readonly number[])[] {
  const acts: (readonly number[])[] = [];
  for (const more of [0, 1]) {
    acts.push([3, 0, more]);
    for (let n = 0; n < 9; n++) acts.push([n % 3 === 0 ? 6 : n % 2, n, n + more]);
    acts.push([4, 0, more], [5, 0, 1], [3, 0, more], [1, more, more], [7, 0, more], [2, 3, 0]);
  }
  return acts;
}
