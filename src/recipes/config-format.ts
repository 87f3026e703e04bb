import { CoordinationError } from '../errors.js';
import { type ConfigPath, withAt } from './config-value.js';

/** Turns the text of a key into a value and back. Either may throw: the text or the value is then refused. */
export interface ConfigFormat {
  parse(text: string, key: string): unknown;
  print(value: unknown, key: string): string;
}

/** How the texts of a configuration are to be read and written. */
export interface Format extends ConfigFormat {
  /** Whether there are texts that it cannot read. */
  readonly picky: boolean;
  /** The text of a document in which the value at a path is another; undefined takes it away. */
  edit(text: string, path: ConfigPath, value: unknown, key: string): string;
}

function editByValue({ parse, print }: ConfigFormat): Format['edit'] {
  return (text, path, value, key) => print(withAt(parse(text, key), path, value), key);
}

/** JSON that says nothing twice: undefined for what it cannot say. */
function json(value: unknown, indent?: number): string {
  const text: string | undefined = JSON.stringify(value, undefined, indent);
  if (text === undefined) throw new TypeError('JSON has no way to say it');
  return text;
}

/** A document that is JSON throughout. */
const jsonDocument: ConfigFormat = { parse: (text) => JSON.parse(text), print: (value) => `${json(value, 2)}\n` };

/**
 * The text of a leaf: JSON where it is some, else the text itself. A number whose digits JSON would change, as `1.10`,
 * `007` or one of twenty digits, is text.
 */
function parseLeaf(text: string): unknown {
  const first = text.charCodeAt(0);
  // Most texts are words: an exception for each would cost more than all else.
  if (!/^[\s"[{\d\-tfn]/.test(text) || Number.isNaN(first)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'number' && String(value) !== text.trim() ? text : value;
  } catch {
    return text;
  }
}

function printLeaf(value: unknown): string {
  return typeof value === 'string' && parseLeaf(value) === value ? value : json(value);
}

const plainText: ConfigFormat = {
  parse: (text) => text,
  print(value) {
    if (typeof value === 'string') return value;
    throw new TypeError('the format "text" has only texts');
  },
};

function badFormat(): CoordinationError {
  const sentence = 'format must be "json", "yaml", "text" or an object with the functions parse and print.';
  return new CoordinationError('INVALID_OPTION', sentence, { field: 'format' });
}

/** Refuses what is no format, with `INVALID_OPTION`. */
export function checkFormat(format: unknown): void {
  if (format === undefined || format === 'json' || format === 'yaml' || format === 'text') return;
  const { parse, print } = (format ?? {}) as Partial<ConfigFormat>;
  if (typeof parse !== 'function' || typeof print !== 'function') throw badFormat();
}

/** Finds the format for documents, or for leaves. Rejects with `UNSUPPORTED` where YAML is asked for and not installed. */
export async function findFormat(format: 'json' | 'yaml' | 'text' | ConfigFormat, leaves: boolean): Promise<Format> {
  if (format === 'yaml') return await yamlFormat();
  if (format === 'text') return { ...plainText, picky: false, edit: editByValue(plainText) };
  if (format !== 'json') {
    const own: ConfigFormat = { parse: (...of) => format.parse(...of), print: (...of) => format.print(...of) };
    return { ...own, picky: true, edit: editByValue(own) };
  }
  if (leaves) return { parse: parseLeaf, print: printLeaf, picky: false, edit: (_, _path, value) => printLeaf(value) };
  return { ...jsonDocument, picky: true, edit: editByValue(jsonDocument) };
}

/** By the package `yaml`, which is loaded here and nowhere else. An edit keeps the comments of a document. */
async function yamlFormat(): Promise<Format> {
  let yaml: typeof import('yaml');
  try {
    yaml = await import('yaml');
  } catch (cause) {
    const sentence = 'The format "yaml" needs the package "yaml", which is not installed: npm install yaml.';
    throw new CoordinationError('UNSUPPORTED', sentence, { field: 'format', cause });
  }
  // A few aliases of aliases can say gigabytes; the package counts them, and throws.
  const options = { prettyErrors: false, maxAliasCount: 100, logLevel: 'error' as const };
  return {
    picky: true,
    parse: (text) => yaml.parse(text, options),
    print: (value) => yaml.stringify(value),
    edit(text, path, value) {
      if (path.length === 0) return yaml.stringify(value);
      const document = yaml.parseDocument(text, options);
      if (document.errors.length > 0) throw new TypeError('the document is no YAML');
      if (value === undefined) document.deleteIn(path);
      else document.setIn(path, value);
      return document.toString();
    },
  };
}
