const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8');

/** Text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** UTF-8 as text; bytes that are not UTF-8 become U+FFFD. For showing values, not for keys. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A value as JSON. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
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
