import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CoordinationError, printable } from '../errors.js';
import type { HistoryLimits } from '../transport/memory/history.js';
import { Crc32 } from './crc32.js';
import { lockFile } from './file-lock.js';
import { frame, framesOf, isOurs, magic } from './log-frames.js';
import { baseRecord, type Restored, redo, restore, stepRecord } from './log-records.js';
import type { Machine, Step } from './machine.js';
import type { Keeper, Origin } from './store.js';

/** A file is written anew when what was added to it is more than this, and more than it began with. */
const growthBytes = 16 * 1024 * 1024;

export interface LogFileOptions {
  readonly history: HistoryLimits;
  readonly now: number;
  /** Is told in a sentence of what had to be left out. */
  readonly onNotice: (sentence: string) => void;
  /** @internal Default 16 MiB. */
  readonly growthBytes?: number | undefined;
}

/**
 * A store's file: what it was, and every change since. A change is in the file before it is answered, so that it outlives
 * the process, however that ends; it is forced to the disk only when the file is written anew or closed, so that the
 * last moments before a power failure can be missing. It is read up to the first record that is not whole or not as it
 * was written, and cut off there: what is left is what the store was at some moment.
 */
export class LogFile implements Keeper {
  /** What the file held. Undefined where it is new. */
  readonly restored: Restored | undefined;
  readonly #path: string;
  readonly #crc = new Crc32();
  readonly #growthBytes: number;
  readonly #unlock: () => void;
  #file: number;
  #baseBytes = 0;
  #addedBytes = 0;
  #machine: Machine | undefined;
  #origin: Origin | undefined;

  /** Throws `INVALID_OPTION` where the file is in use or cannot be had, `CORRUPT_DATA` where it is not one of ours. */
  constructor(path: string, options: LogFileOptions) {
    this.#path = resolve(path);
    this.#growthBytes = options.growthBytes ?? growthBytes;
    this.#unlock = having(this.#path, () => lockFile(this.#path));
    try {
      this.#file = having(this.#path, () => openSync(this.#path, 'a+', 0o600));
      this.restored = this.#read(options);
    } catch (error) {
      this.#unlock();
      throw error;
    }
  }

  /** From now on keeps this machine. Where the file is new, begins it. */
  begin(machine: Machine, origin: Origin): void {
    this.#machine = machine;
    this.#origin = origin;
    if (this.restored === undefined) this.#rewrite();
  }

  keep(steps: readonly Step[]): void {
    const bytes = Buffer.concat(steps.map((step) => frame(this.#crc, stepRecord(step))));
    write(this.#file, bytes);
    this.#addedBytes += bytes.length;
    if (this.#addedBytes > Math.max(this.#growthBytes, this.#baseBytes)) this.#rewrite();
  }

  close(): void {
    try {
      fsyncSync(this.#file);
      closeSync(this.#file);
    } finally {
      this.#unlock();
    }
  }

  #read({ history, now, onNotice }: LogFileOptions): Restored | undefined {
    const file = readFileSync(this.#file);
    if (!isOurs(file)) {
      const sentence = `"${printable(this.#path)}" is not a file of coterie dev, and is left as it is.`;
      throw new CoordinationError('CORRUPT_DATA', sentence, { field: 'data' });
    }
    let restored: Restored | undefined;
    let end = 0;
    for (const { payload, end: next } of framesOf(this.#crc, file)) {
      if (restored === undefined) {
        restored = restore(payload, history, now);
        if (restored === undefined) break;
        this.#baseBytes = next;
      } else if (!redo(restored.machine, payload, now)) break;
      end = next;
    }
    this.#addedBytes = end - this.#baseBytes;
    if (end < file.length) this.#cut(file.length, end, restored, onNotice);
    return restored;
  }

  /** What cannot be read is cut off. A file of which nothing can be is put aside: it may be worth a look. */
  #cut(length: number, end: number, restored: Restored | undefined, onNotice: (sentence: string) => void): void {
    const file = printable(this.#path);
    if (restored !== undefined) {
      ftruncateSync(this.#file, end);
      const { revision } = restored.machine.state;
      onNotice(`"${file}": the last ${length - end} bytes are not whole and were cut off, after revision ${revision}.`);
    } else {
      renameSync(this.#path, `${this.#path}.damaged`);
      onNotice(`"${file}" cannot be read and was put aside as "${file}.damaged"; the store is empty.`);
    }
  }

  /** Writes the present state as a new file, which takes the place of the old one in one step. */
  #rewrite(): void {
    if (this.#machine === undefined || this.#origin === undefined) return;
    const path = `${this.#path}.new`;
    const file = openSync(path, 'w', 0o600);
    const bytes = Buffer.concat([magic(), frame(this.#crc, baseRecord(this.#machine, this.#origin))]);
    write(file, bytes);
    fsyncSync(file);
    renameSync(path, this.#path);
    syncFolder(dirname(this.#path));
    closeSync(this.#file);
    this.#file = file;
    this.#baseBytes = fstatSync(file).size;
    this.#addedBytes = 0;
  }
}

/** All of it: a single call may write less. */
function write(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** A new name is not on the disk before its folder is. Not every system can do that. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** What the system says of a file becomes an error of ours. */
function having<T>(path: string, get: () => T): T {
  try {
    return get();
  } catch (error) {
    if (error instanceof CoordinationError) throw error;
    const sentence = `"${printable(path)}" cannot be used: ${printable(error)}.`;
    throw new CoordinationError('INVALID_OPTION', sentence, { field: 'data', problem: 'not-a-file', cause: error });
  }
}
