/** The checksum of zip and PNG, which Node has only from 20.15 and 22.2 on, and its types not at all for 20. */
export class Crc32 {
  readonly #table = new Uint32Array(256);

  constructor() {
    for (let byte = 0; byte < 256; byte++) {
      let rest = byte;
      for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
      this.#table[byte] = rest;
    }
  }

  of(bytes: Uint8Array): number {
    let crc = 0xffffffff;
    // The index is below 256.
    for (const byte of bytes) crc = (crc >>> 8) ^ (this.#table[(crc ^ byte) & 0xff] as number);
    return (crc ^ 0xffffffff) >>> 0;
  }
}
