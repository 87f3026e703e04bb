import { decodeJsonObject, encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import type { CallOptions, Entry } from '../core/store.js';
import { CoordinationError } from '../errors.js';

export interface AcquireOptions extends CallOptions {
  /** Anything that JSON can say, shown to those who look at the line, beside host, process id and label. */
  readonly info?: unknown;
}

/** One that holds a thing, or waits for it, as the store shows it. Foreign programs leave most of it out. */
export interface Contender {
  /** The ticket's key. */
  readonly key: string;
  /** Its place in line, and its fencing token once it holds. */
  readonly token: bigint;
  readonly host?: string;
  readonly pid?: number;
  readonly label?: string;
  /** When it lined up, by its own wall clock, in milliseconds since 1970. */
  readonly since?: number;
  readonly info?: unknown;
}

/**
 * The beginning of a ticket's JSON, up to what differs from one acquisition to the next. Throws `INVALID_OPTION` where
 * the label is no string.
 */
export function aboutClient({ identity }: ClientContext, kind: string, label: string | undefined): string {
  if (label !== undefined && typeof label !== 'string') {
    throw new CoordinationError('INVALID_OPTION', 'label must be a string.', { field: 'label' });
  }
  return JSON.stringify({ kind, ...identity, label }).slice(0, -1);
}

/** A ticket's value: what {@link aboutClient} gave, and what `more` and `info` say of this acquisition. */
export function ticketValue({ clock }: ClientContext, about: string, info: unknown, more = ''): Uint8Array {
  const start = `${about}${more},"since":${Math.round(clock.wall())}`;
  if (info === undefined) return encodeText(`${start}}`);
  try {
    return encodeText(`${start},"info":${JSON.stringify(info) ?? 'null'}}`);
  } catch (cause) {
    const sentence = 'info must be something that JSON can say.';
    throw new CoordinationError('INVALID_OPTION', sentence, { field: 'info', cause });
  }
}

/** What a ticket tells about whoever has it. */
export function contender({ key, created, value }: Entry): Contender {
  const about = decodeJsonObject(value) ?? {};
  const { host, pid, label, since, info } = about as Record<'host' | 'pid' | 'label' | 'since' | 'info', unknown>;
  return {
    key,
    token: created,
    ...(typeof host === 'string' && { host }),
    ...(typeof pid === 'number' && { pid }),
    ...(typeof label === 'string' && { label }),
    ...(typeof since === 'number' && { since }),
    ...(info !== undefined && { info }),
  };
}
