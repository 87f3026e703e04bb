import { CoordinationError, isCoordinationError, printable } from '../errors.js';
import { checkKnown, invalidOption } from './checks.js';
import { decodeText, encodeText } from './codec.js';
import { issuePath, type StandardSchema } from './standard-schema.js';

/** Turns values of a type into bytes and back. Either may throw: the value is then refused with `INVALID_VALUE`. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** How a recipe's values are typed. */
export interface Typing<T> {
  /** How values become bytes. Default: JSON, in UTF-8. */
  readonly codec?: Codec<T> | undefined;
  /**
   * What values have to be, as any Standard Schema (zod, valibot, arktype, ...): checked before a value is written and
   * after it was read. What the schema makes of a value is what is read, and what is written.
   */
  readonly schema?: StandardSchema<T> | undefined;
}

/** The names of the options of {@link Typing}. */
export const typingOptions = ['codec', 'schema'] as const;

/** Values as JSON. Refuses what JSON cannot say at all: undefined, functions, symbols, bigints, cycles. */
export const jsonCodec: Codec<never> = {
  encode(value: unknown): Uint8Array {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError('JSON has no way to say it');
    return encodeText(text);
  },
  decode(bytes: Uint8Array): never {
    // Whoever names a type without a schema vouches for what is in the store.
    return JSON.parse(decodeText(bytes)) as never;
  },
};

/** Values that are bytes already. */
export const bytesCodec: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };

/** Text, in UTF-8. */
export const textCodec: Codec<string> = { encode: encodeText, decode: decodeText };

/** Encodes and decodes the values of one recipe, by its {@link Typing}. */
export class Typed<T> {
  readonly #codec: Codec<T>;
  readonly #schema: StandardSchema<T> | undefined;

  /** Throws `INVALID_OPTION` for what is no codec or no schema. */
  constructor({ codec, schema }: Typing<T>) {
    checkTyping(codec, schema);
    this.#codec = codec ?? jsonCodec;
    this.#schema = schema;
  }

  /** The bytes of a value. Rejects with `INVALID_VALUE`, whose `cause` is what the codec threw. */
  async encode(value: T, key: string): Promise<Uint8Array> {
    // At once where there is no schema: what its caller does to the value afterwards must not count.
    const checked = this.#schema === undefined ? value : await this.#check(value, key);
    let bytes: unknown;
    try {
      bytes = this.#codec.encode(checked);
    } catch (cause) {
      throw invalidValue(key, 'it cannot be encoded', cause);
    }
    if (bytes instanceof Uint8Array) return bytes;
    throw invalidValue(key, 'its codec did not make a Uint8Array of it', undefined);
  }

  /** The value in these bytes. Rejects with `INVALID_VALUE`. */
  async decode(bytes: Uint8Array, key: string): Promise<T> {
    let value: T;
    try {
      value = this.#codec.decode(bytes);
    } catch (cause) {
      throw invalidValue(key, 'it cannot be decoded', cause);
    }
    return await this.#check(value, key);
  }

  async #check(value: T, key: string): Promise<T> {
    if (this.#schema === undefined) return value;
    return await validate(this.#schema, value, key);
  }
}

/** What a schema makes of a value. Rejects with `INVALID_VALUE`, whose sentence names places and never the value. */
export async function validate<T>(schema: StandardSchema<T>, value: unknown, key: string): Promise<T> {
  let result: Awaited<ReturnType<StandardSchema<T>['~standard']['validate']>>;
  try {
    result = await schema['~standard'].validate(value);
  } catch (cause) {
    throw isCoordinationError(cause) ? cause : invalidValue(key, 'its schema threw', cause);
  }
  if (result.issues === undefined) return result.value;
  const places = result.issues.slice(0, 5).map((issue) => `"${printable(issuePath(issue))}"`);
  throw invalidValue(key, `its schema does not accept it, at ${places.join(', ')}`, result.issues);
}

function invalidValue(key: string, why: string, cause: unknown): CoordinationError {
  const sentence = `The value of "${printable(key)}" is not what it should be: ${why}.`;
  return new CoordinationError('INVALID_VALUE', sentence, { key, field: 'value', cause });
}

/** Throws `INVALID_OPTION` for what is no codec or no schema. */
export function checkTyping(codec: unknown, schema: unknown): void {
  if (codec !== undefined) {
    checkKnown(codec, Object.keys(codec ?? {}), 'codec');
    const { encode, decode } = codec as Partial<Codec<unknown>>;
    if (typeof encode !== 'function' || typeof decode !== 'function') {
      throw invalidOption('codec', 'codec must have the functions encode and decode.');
    }
  }
  if (schema === undefined) return;
  const standard = (schema as Partial<StandardSchema> | null)?.['~standard'];
  if (typeof standard?.validate !== 'function') throw invalidOption('schema', 'schema must be a Standard Schema.');
}
