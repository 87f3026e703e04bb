const decoder = new TextDecoder('utf-8');

/** Text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  // Faster than TextEncoder for what is as short as a ticket.
  return Buffer.from(text, 'utf8');
}

/** UTF-8 as text; bytes that are not UTF-8 become U+FFFD. For showing values, not for keys. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The JSON object in these bytes, or undefined where there is none: foreign values may be empty, or anything. */
export function decodeJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (bytes[0] !== 0x7b) return undefined;
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
