import { open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Cancel, Clock, Random } from '../core/clock.js';
import { decodeText, encodeText } from '../core/codec.js';
import { CoordinationError, type ErrorCode } from '../errors.js';
import { ownOf } from './config-value.js';

/** What a snapshot file holds: what each path of the store said when its configuration was last accepted. */
export interface FileContent {
  readonly revision: bigint;
  /** By the wall clock, in milliseconds since 1970. */
  readonly savedMs: number;
  /** One for each path, in order. */
  readonly layers: readonly unknown[];
}

/** What a file is about. A file about something else is not read. */
export interface FileSubject {
  readonly paths: readonly string[];
  readonly shape: string;
}

const kind = 'coterie-config-1';

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', Uint8Array.from(encodeText(text)));
  return Buffer.from(hash).toString('hex');
}

/** Refuses what JSON would silently change: a file must not say anything else than the store said. */
function exactly(this: unknown, name: string, value: unknown): unknown {
  const odd =
    typeof value === 'number' ? !Number.isFinite(value) : !['string', 'boolean', 'object'].includes(typeof value);
  // What has a way of its own to become JSON, as a date, has become it by now.
  const was = ownOf(this, name);
  if (odd || !Object.is(was, value)) throw new TypeError('a value is nothing that JSON can say');
  return value;
}

/** @internal One line of JSON, and one of its SHA-256. */
export async function fileText(
  { paths, shape }: FileSubject,
  { revision, savedMs, layers }: FileContent,
): Promise<string> {
  // A path that holds nothing is null in the file, which no path that holds something can be.
  const said = layers.map((value) => (value === undefined ? null : { value }));
  const line = JSON.stringify({ kind, paths, shape, revision: String(revision), savedMs, layers: said }, exactly);
  return `${line}\n${await digest(line)}\n`;
}

function corrupt(file: string, why: string, cause?: unknown): CoordinationError {
  const sentence = `The snapshot file "${basename(file)}" is ignored: ${why}.`;
  return new CoordinationError('CORRUPT_DATA', sentence, {
    field: 'snapshotFile',
    ...(cause !== undefined && { cause }),
  });
}

/** @internal What a text says that {@link fileText} made. Rejects with `CORRUPT_DATA` where it is torn, changed or of another. */
export async function parseFile(file: string, text: string, subject: FileSubject): Promise<FileContent> {
  const [line = '', sum, ...rest] = text.split('\n');
  if (rest.length !== 1 || rest[0] !== '' || sum !== (await digest(line))) {
    throw corrupt(file, 'it is not whole, or was changed');
  }
  // The checksum says that a program of this kind has written it.
  const { kind: found, paths, shape, revision, savedMs, layers } = JSON.parse(line) as Record<string, unknown>;
  const same = found === kind && JSON.stringify([paths, shape]) === JSON.stringify([subject.paths, subject.shape]);
  const whole = typeof revision === 'string' && typeof savedMs === 'number' && Array.isArray(layers);
  if (!same || !whole || layers.length !== subject.paths.length) throw corrupt(file, 'it is of another configuration');
  const said = layers.map((layer: { readonly value: unknown } | null) => layer?.value);
  return { revision: BigInt(revision), savedMs, layers: said };
}

/** @internal What the file holds; undefined where there is none. Rejects with `CORRUPT_DATA` for one that cannot be relied upon. */
export async function readSnapshot(file: string, subject: FileSubject): Promise<FileContent | undefined> {
  let text: string;
  try {
    const { mode } = await stat(file);
    // 0o022: whoever may write it may have written it.
    if ((mode & 0o022) !== 0) throw corrupt(file, 'others than its owner may write it');
    text = decodeText(await readFile(file));
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return undefined;
    throw error instanceof CoordinationError ? error : corrupt(file, 'it cannot be read', error);
  }
  return await parseFile(file, text, subject);
}

/**
 * Puts a text in the place of a file, so that after a crash at any moment the file is the old one or the new one: written
 * beside it, synced, renamed, and the folder synced. Only the owner may read it.
 */
async function replaceFile(file: string, text: string, suffix: string): Promise<void> {
  const beside = join(dirname(file), `.${basename(file)}.${suffix}.tmp`);
  try {
    const handle = await open(beside, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (error) {
    await unlink(beside).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(file));
}

/** Not every system can sync a folder, and what is at stake is only the new file, not the old one. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EACCES: 'PERMISSION_DENIED',
  EPERM: 'PERMISSION_DENIED',
  EROFS: 'PERMISSION_DENIED',
};

function notWritten(file: string, cause: unknown): CoordinationError {
  const code = cause instanceof TypeError ? 'INVALID_VALUE' : codes[String(ownOf(cause, 'code'))];
  const sentence = `The snapshot file "${basename(file)}" could not be written; the last one stays.`;
  return new CoordinationError(code ?? 'UNAVAILABLE', sentence, { field: 'snapshotFile', cause });
}

/** No more often than this is the file written, in milliseconds. */
const pauseMs = 1_000;

/** Keeps a snapshot file as new as it may be: one write at a time, the first at once, the next a second later. */
export class SnapshotFile {
  readonly #file: string;
  readonly #subject: FileSubject;
  readonly #deps: { readonly clock: Clock; readonly random: Random };
  readonly #failed: (error: CoordinationError) => void;
  #next: (() => FileContent) | undefined;
  #writing: Promise<void> | undefined;
  #cancelPause: Cancel | undefined;

  constructor(
    file: string,
    subject: FileSubject,
    deps: { readonly clock: Clock; readonly random: Random },
    failed: (error: CoordinationError) => void,
  ) {
    this.#file = file;
    this.#subject = subject;
    this.#deps = deps;
    this.#failed = failed;
  }

  /** What was saved, if it can be relied upon. Never rejects. */
  async load(): Promise<FileContent | undefined> {
    try {
      return await readSnapshot(this.#file, this.#subject);
    } catch (error) {
      this.#failed(error instanceof CoordinationError ? error : corrupt(this.#file, 'it cannot be read', error));
      return undefined;
    }
  }

  /** Saves this soon, unless something newer comes. What it is made of is asked for when it is written. */
  save(content: () => FileContent): void {
    this.#next = content;
    if (this.#cancelPause === undefined) this.#writing ??= this.#write();
  }

  /** Writes what is still to be written, and then no more. Never rejects. */
  async close(): Promise<void> {
    this.#cancelPause?.();
    await this.#writing;
    this.#cancelPause?.();
    await this.#write();
    this.#cancelPause?.();
  }

  async #write(): Promise<void> {
    const content = this.#next;
    this.#next = undefined;
    if (content === undefined) return;
    try {
      const suffix = Math.floor(this.#deps.random() * 2 ** 52).toString(36);
      await replaceFile(this.#file, await fileText(this.#subject, content()), suffix);
    } catch (cause) {
      this.#failed(notWritten(this.#file, cause));
    }
    this.#writing = undefined;
    this.#cancelPause = this.#deps.clock.after(pauseMs, () => {
      this.#cancelPause = undefined;
      if (this.#next !== undefined) this.#writing ??= this.#write();
    });
  }
}
