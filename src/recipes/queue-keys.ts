import { decodeJsonObject, encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { checkKey, checkPath } from '../core/keys.js';
import type { Entry } from '../core/store.js';
import { CoordinationError } from '../errors.js';

/** What decides which item is next: when it was put, its priority, or when it is due. */
export type QueueOrder = 'age' | 'priority' | 'due';

/** What a dead letter was, while it was alive. */
export interface DeadNote {
  readonly attempts: number;
  readonly reason: 'attempts' | 'undecodable';
  readonly rank: string;
}

/** What a queue keeps of an item beside its value. */
export interface Header {
  /** Made for each put: by it, a producer whose answer was lost knows its own item. */
  readonly put: string;
  /** How often it was claimed. */
  readonly attempts: number;
  /** The length of the value, so that one knows before fetching many. */
  readonly bytes: number;
  /** Its place among the items of one commit. */
  readonly seq: number;
  /** Nobody may claim it before, by the wall clock, in milliseconds since 1970. */
  readonly dueMs: number;
  readonly dead?: DeadNote;
}

/** An item as the store shows it, without its value. */
export interface Item {
  readonly id: string;
  readonly key: string;
  /** What stands before the id in its key, so that the order of bytes is the order of priorities or times. */
  readonly rank: string;
  readonly created: bigint;
  readonly modified: bigint;
  readonly header: Header;
}

/** As many digits as the greatest safe integer has. */
const rankDigits = 16;

/** A whole number such that the order of bytes is the order of numbers. */
export function rankOf(number: number): string {
  return String(number).padStart(rankDigits, '0');
}

/** Where a queue keeps what. */
export class QueueKeys {
  readonly path: string;
  /** One small header for each item: `items/<id>`, or `items/<rank>/<id>`. */
  readonly items: string;
  /** One key for each item in flight, on its consumer's lease: `claims/<id>/<lease>-<n>`. */
  readonly claims: string;
  /** Written by each put, deleted by each ack: whoever waits for an item watches it. */
  readonly bell: string;
  /** Consumers that wait. */
  readonly line: string;

  constructor(path: string) {
    checkPath(path);
    this.path = path;
    this.items = `${path}/items/`;
    this.claims = `${path}/claims/`;
    this.bell = `${path}/bell`;
    this.line = `${path}/line`;
  }

  item(rank: string, id: string): string {
    return rank === '' ? `${this.items}${id}` : `${this.items}${rank}/${id}`;
  }

  /** The value, written once. That it is there is what an id in use means. */
  value(id: string): string {
    return `${this.path}/values/${id}`;
  }

  /** The path of the claims on one item. */
  claimsOf(id: string): string {
    return `${this.claims}${id}`;
  }

  /** That an item was acknowledged, for as long as its id is remembered. */
  done(id: string): string {
    return `${this.path}/done/${id}`;
  }

  /** The id of the item that a claim is on. */
  claimed(claim: string): string {
    return claim.slice(this.claims.length, claim.lastIndexOf('/'));
  }

  toItem({ key, created, modified, value }: Entry): Item {
    const [rank = '', id] = key.slice(this.items.length).split('/');
    const name = id === undefined ? { id: rank, rank: '' } : { id, rank };
    return { ...name, key, created, modified, header: decodeHeader(value) };
  }
}

export function encodeHeader(header: Header): Uint8Array {
  return encodeText(JSON.stringify(header));
}

/** What cannot be read is taken for nothing: such an item goes the way of all that cannot be decoded. */
export function decodeHeader(value: Uint8Array): Header {
  const about = (decodeJsonObject(value) ?? {}) as Partial<Record<keyof Header, unknown>>;
  const number = (field: unknown): number => (typeof field === 'number' && Number.isFinite(field) ? field : 0);
  return {
    put: typeof about.put === 'string' ? about.put : '',
    attempts: number(about.attempts),
    bytes: number(about.bytes),
    seq: number(about.seq),
    dueMs: number(about.dueMs),
    ...(isNote(about.dead) && { dead: about.dead }),
  };
}

function isNote(note: unknown): note is DeadNote {
  const { attempts, reason, rank } = (note ?? {}) as Partial<DeadNote>;
  return typeof attempts === 'number' && typeof reason === 'string' && typeof rank === 'string';
}

/** Refuses what cannot be the id of an item. */
export function checkId(id: unknown, keys: QueueKeys): asserts id is string {
  if (typeof id !== 'string' || id === '' || id.length > 200 || id.includes('/')) {
    const sentence = 'The id of an item must be a string of 1 to 200 characters, without "/".';
    throw new CoordinationError('INVALID_OPTION', sentence, { field: 'id' });
  }
  checkKey(keys.value(id));
}

/** Text that nobody else makes. Ids made later are greater, by the clock of whoever makes them. */
export function newId({ clock, random }: Pick<ClientContext, 'clock' | 'random'>): string {
  const part = (): string =>
    Math.floor(random() * 36 ** 9)
      .toString(36)
      .padStart(9, '0');
  return `${Math.round(clock.wall()).toString(36)}-${part()}${part()}`;
}
