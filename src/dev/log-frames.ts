/** How records lie in a file: each with its length and its checksum before it, after a word that says what the file is. */
import type { Crc32 } from './crc32.js';

const magicText = 'coterie1';
const headBytes = 8;

export function magic(): Buffer {
  return Buffer.from(magicText, 'latin1');
}

export function frame(crc: Crc32, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt32LE(crc.of(payload), 4);
  bytes.set(payload, headBytes);
  return bytes;
}

/** Whether a file is one of ours, or the beginning of one. */
export function isOurs(file: Buffer): boolean {
  const word = magic();
  return file.subarray(0, word.length).equals(word.subarray(0, file.length));
}

export interface Framed {
  readonly payload: Buffer;
  /** Where the record ends. */
  readonly end: number;
}

/** The records of a file up to the first that is not whole, or not as it was written. */
export function* framesOf(crc: Crc32, file: Buffer): Generator<Framed> {
  let at = magicText.length;
  while (at + headBytes <= file.length) {
    const length = file.readUInt32LE(at);
    const end = at + headBytes + length;
    if (end > file.length) return;
    const payload = file.subarray(at + headBytes, end);
    if (crc.of(payload) !== file.readUInt32LE(at + 4)) return;
    yield { payload, end };
    at = end;
  }
}
