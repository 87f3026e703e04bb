import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { CoordinationError, printable } from '../errors.js';

const attempts = 5;

/**
 * Keeps a second process from a file: a file beside it that tells the number of the process. One that a process has left
 * behind which is gone is taken over. Returns how to let go. Throws `INVALID_OPTION` (`problem` is `in-use`).
 */
export function lockFile(file: string): () => void {
  const path = `${file}.lock`;
  const own = `${process.pid}\n`;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (create(path, own)) return () => release(path, own);
    const there = readIfThere(path);
    if (there === undefined) continue;
    if (isAlive(Number(there))) throw inUse(file, path, there.trim());
    clearAway(path, there);
  }
  throw inUse(file, path, 'another');
}

function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether there is such a process. One of another user's is there, though it may not be signalled. */
function isAlive(pid: number): boolean {
  // What is not a number was not finished by the one that wrote it.
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Moved first: of two processes that find the same one left behind, the second must not take away the lock of the first. */
function clearAway(path: string, left: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') !== left) create(path, readFileSync(aside, 'utf8'));
  unlinkSync(aside);
}

function release(path: string, own: string): void {
  if (readIfThere(path) === own) unlinkSync(path);
}

function inUse(file: string, path: string, pid: string): CoordinationError {
  const sentence = `"${printable(file)}" is in use by process ${printable(pid)}; if that is not so, delete "${printable(path)}".`;
  return new CoordinationError('INVALID_OPTION', sentence, { field: 'data', problem: 'in-use' });
}
