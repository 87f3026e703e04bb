import { checkKnown, isInteger } from '../core/checks.js';
import { decodeJsonObject, encodeText } from '../core/codec.js';
import type { Identity } from '../core/context.js';
import { checkKey } from '../core/keys.js';
import type { StandardSchema } from '../core/standard-schema.js';
import type { Entry } from '../core/store.js';
import { validate } from '../core/typed.js';
import { CoordinationError, printable } from '../errors.js';

/** What an instance tells of itself beside where it is, where no type is named for it. */
export type InstanceMeta = Readonly<Record<string, unknown>>;

/** What can change while an instance is registered. */
export interface InstanceReport<Meta = InstanceMeta> {
  /** Anything that JSON can say, as an object: a version, a zone. Default `{}`. */
  readonly meta?: Meta | undefined;
  /** Its share of the picks, relative to the others: a number from 0, which is none for now, to 1,000,000. Default 1. */
  readonly weight?: number | undefined;
  /**
   * How busy it is, for `least-loaded`: a number from 0, in a unit that all instances share, of which a pick in flight
   * adds 1. Default 0.
   */
  readonly load?: number | undefined;
  /** Whether it wants to be picked. Default true. */
  readonly healthy?: boolean | undefined;
}

/** An instance of a service, as it registers. */
export interface InstanceInfo<Meta = InstanceMeta> extends InstanceReport<Meta> {
  /** Tells it from the other instances: text without `/`, not empty. */
  readonly id: string;
  /** Where it can be reached: a name or an IP address. */
  readonly address: string;
  /** An integer from 1 to 65,535. */
  readonly port: number;
}

/** An instance of a service, as the store shows it. Frozen. */
export interface Instance<Meta = InstanceMeta> {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly meta: Meta;
  readonly load: number;
  readonly healthy: boolean;
  /** The revision at which it registered: another one after each return. */
  readonly incarnation: bigint;
  /** The revision at which it last changed what it says. */
  readonly revision: bigint;
}

/** How to read and check the instances of one service. */
export interface InstanceFormat<Meta> {
  readonly path: string;
  /** What `meta` has to be. */
  readonly schema?: StandardSchema<Meta> | undefined;
}

export const reportFields = ['meta', 'weight', 'load', 'healthy'] as const;

/** So that sums of weights stay numbers that can be told apart. */
const maxWeight = 1_000_000;

const isAmount = (value: unknown): value is number => typeof value === 'number' && value >= 0 && Number.isFinite(value);

/** What is wrong with the fields of an instance, as a field and a sentence; undefined where nothing is. */
function wrongField(about: Readonly<Record<string, unknown>>): readonly [string, string] | undefined {
  const { address, port, weight = 1, load = 0, healthy = true, meta = {} } = about as Record<string, unknown>;
  if (typeof address !== 'string' || address === '') return ['address', 'address must be a name or an IP address'];
  if (!isInteger(port, 1, 65_535)) return ['port', 'port must be an integer from 1 to 65535'];
  if (!isAmount(weight) || weight > maxWeight) return ['weight', 'weight must be a number from 0 to 1000000'];
  if (!isAmount(load)) return ['load', 'load must be a number from 0'];
  if (typeof healthy !== 'boolean') return ['healthy', 'healthy must be true or false'];
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return ['meta', 'meta must be an object'];
  return undefined;
}

/** The key of an instance. Throws `INVALID_KEY`. */
function instanceKey(path: string, id: unknown): string {
  const isName = typeof id === 'string' && id !== '' && !id.includes('/');
  if (!isName) {
    const sentence = 'The id of an instance must be text without "/", and not empty.';
    throw new CoordinationError('INVALID_KEY', sentence, { key: path, field: 'id' });
  }
  const key = `${path}/${id}`;
  checkKey(key);
  return key;
}

/** Refuses what is no instance with `INVALID_OPTION`, `UNKNOWN_OPTION` or `INVALID_KEY`. Returns its key. */
export function checkInstance<Meta>(info: InstanceInfo<Meta>, path: string): string {
  if (info === undefined) {
    throw new CoordinationError('INVALID_OPTION', 'An instance must be an object with id, address and port.', {
      field: 'info',
    });
  }
  checkKnown(info, ['id', 'address', 'port', ...reportFields], 'an instance');
  const key = instanceKey(path, info.id);
  const wrong = wrongField({ ...info });
  if (wrong === undefined) return key;
  throw new CoordinationError('INVALID_OPTION', `${wrong[1]}.`, { key, field: wrong[0] });
}

/** The bytes of an instance. Rejects with `INVALID_VALUE` where the schema does not accept its meta. */
export async function encodeInstance<Meta>(
  info: InstanceInfo<Meta>,
  { path, schema }: InstanceFormat<Meta>,
  { host, pid }: Identity,
): Promise<Uint8Array> {
  const key = instanceKey(path, info.id);
  const { address, port, weight = 1, load = 0, healthy = true } = info;
  const meta = schema === undefined ? (info.meta ?? {}) : await validate(schema, info.meta ?? {}, key);
  try {
    return encodeText(JSON.stringify({ address, port, weight, meta, load, healthy, host, pid }));
  } catch (cause) {
    throw new CoordinationError('INVALID_VALUE', 'meta must be something that JSON can say.', {
      key,
      field: 'meta',
      cause,
    });
  }
}

/** The instance that an entry tells of. Rejects with `CORRUPT_DATA` where there is none in it. */
export async function decodeInstance<Meta>(entry: Entry, format: InstanceFormat<Meta>): Promise<Instance<Meta>> {
  const { path, schema } = format;
  const { key, created, modified } = entry;
  const id = key.slice(path.length + 1);
  if (id === '' || id.includes('/')) throw corrupt(key, 'its key is not that of an instance');
  const about = decodeJsonObject(entry.value);
  if (about === undefined) throw corrupt(key, 'it is not a JSON object');
  const wrong = wrongField(about);
  if (wrong !== undefined) throw corrupt(key, wrong[1]);
  // All of these were looked at just now.
  const { weight = 1, load = 0, healthy = true, ...rest } = about as unknown as InstanceInfo<Meta>;
  const meta = await readMeta(rest.meta ?? {}, key, schema);
  const { address, port } = rest;
  return Object.freeze({
    id,
    address,
    port,
    weight,
    meta,
    load,
    healthy,
    incarnation: created,
    revision: modified,
  });
}

async function readMeta<Meta>(meta: unknown, key: string, schema: StandardSchema<Meta> | undefined): Promise<Meta> {
  // Whoever names a type without a schema vouches for what is in the store.
  if (schema === undefined) return meta as Meta;
  try {
    return await validate(schema, meta, key);
  } catch (cause) {
    throw corrupt(key, 'the schema does not accept its meta', cause);
  }
}

function corrupt(key: string, why: string, cause?: unknown): CoordinationError {
  const sentence = `What stands at "${printable(key)}" is not an instance and is skipped: ${why}.`;
  return new CoordinationError('CORRUPT_DATA', sentence, { key, cause });
}
