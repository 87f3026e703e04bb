import { checkCall, checkKnown, checkTimeout } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { SafeEmitter } from '../core/emitter.js';
import { checkPath } from '../core/keys.js';
import { openScope } from '../core/signals.js';
import type { StandardSchema } from '../core/standard-schema.js';
import type { CallOptions } from '../core/store.js';
import { checkTyping } from '../core/typed.js';
import { isCoordinationError, printable } from '../errors.js';
import {
  decodeInstance,
  type Instance,
  type InstanceFormat,
  type InstanceInfo,
  type InstanceMeta,
} from './service-registry-instance.js';
import { ViewReader } from './service-registry-reader.js';
import { type RegisterOptions, Registration } from './service-registry-registration.js';
import { Resolver } from './service-registry-resolver.js';
import type { ResolverOptions } from './service-registry-resolver-options.js';
import type { ServiceView } from './service-registry-view.js';

export interface ServiceRegistryOptions<Meta = InstanceMeta> {
  /**
   * What the `meta` of an instance has to be, as any Standard Schema: checked before it is written and after it was read.
   * An instance whose meta it does not accept is skipped. Default: any object.
   */
  readonly schema?: StandardSchema<Meta> | undefined;
  /**
   * How often, at least, resolvers and views ask the store whether what they know is still so, in milliseconds, above 0:
   * a watch can fall silent without an error. Default 30,000.
   */
  readonly checkMs?: number | undefined;
}

export interface ServiceRegistryEvents {
  /** An entry that is no instance (`CORRUPT_DATA`), or what a listener threw. */
  readonly error: unknown;
}

const defaultCheckMs = 30_000;

/**
 * The instances of one service: who they are, where they are, and which one to call. An instance is in the registry for
 * as long as its process lives, and no longer than its lease.
 *
 * Instances lie under `<path>/`, each with a small JSON object. What others put there that is no instance is skipped, and
 * told of by an event.
 */
export class ServiceRegistry<Meta = InstanceMeta> {
  readonly path: string;
  /** Events: `error`, of {@link ServiceRegistry.instances} and {@link ServiceRegistry.views}. */
  readonly events = new SafeEmitter<ServiceRegistryEvents>();
  readonly #client: ClientContext;
  readonly #format: InstanceFormat<Meta>;
  readonly #checkMs: number;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_OPTION`, `INVALID_TIMEOUT`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: ServiceRegistryOptions<Meta> = {}) {
    checkKnown(options, ['schema', 'checkMs'], 'ServiceRegistry');
    checkPath(path);
    checkTimeout(options.checkMs, 'checkMs');
    checkTyping(undefined, options.schema);
    this.path = path;
    this.#client = client;
    this.#format = { path, schema: options.schema };
    this.#checkMs = options.checkMs ?? defaultCheckMs;
  }

  /**
   * Registers an instance, and resolves when it is in the store. It is kept there, through lost sessions and the hands of
   * others, until {@link Registration.leave}. One round trip; the watch on it costs a message and a read more.
   *
   * Rejects with `MEMBER_EXISTS` where the id is somebody else's, `INVALID_KEY` (its id), `INVALID_OPTION`, `INVALID_TTL`,
   * `INVALID_VALUE`, `VALUE_TOO_LARGE`, the reason of `signal`, `TIMEOUT`, `SESSION_LOST` if so chosen by `onSessionLost`,
   * `CLOSED`, or an error of the store that waiting does not mend; then nothing is left in the store.
   */
  async register(info: InstanceInfo<Meta>, options: RegisterOptions = {}): Promise<Registration<Meta>> {
    return Registration.start({ client: this.#client, ...this.#format }, info, options);
  }

  /** All instances now, by id, those that are not healthy among them. One round trip. Rejects with what the store says. */
  async instances(options: CallOptions = {}): Promise<readonly Instance<Meta>[]> {
    const { entries } = await this.#client.store.read({ prefix: `${this.path}/` }, options);
    const found: Instance<Meta>[] = [];
    for (const entry of entries) {
      const instance = await decodeInstance(entry, this.#format).catch((error: unknown) => this.#skip(error));
      if (instance !== undefined) found.push(instance);
    }
    return found;
  }

  /**
   * Follows the instances: first how they are, then every change, and when the store cannot be reached or can be again
   * (`staleSince`). What changes faster than it is consumed may be left out, the last state never is. Survives lost
   * connections and compaction. Ends by `break`, or rejects with the reason of `signal`, with `TIMEOUT` where the first
   * view takes longer than `timeoutMs`, with `CLOSED`, or with what the store refuses. One watch for each reader, begun
   * anew every `checkMs` or sooner.
   */
  async *views(options: CallOptions = {}): AsyncGenerator<ServiceView<Meta>, void, undefined> {
    checkCall(options, 'views');
    const { clock } = this.#client;
    const reader = new ViewReader(this.#client, this.#format, this.#checkMs, (error) => this.#skip(error));
    const what = `following "${printable(this.path)}"`;
    try {
      yield await reader.first(openScope(clock, options, what));
      using rest = openScope(clock, { signal: options.signal }, what);
      for (;;) yield await reader.next(rest);
    } finally {
      reader.stop();
    }
  }

  /**
   * Opens a resolver, which picks instances from memory; resolves when it has its first view, which may be empty. Outages
   * are waited out for as long as `timeoutMs` allows. To be closed. One watch, begun anew every `checkMs` or sooner.
   *
   * Rejects with `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_TIMEOUT`, the reason of `signal`, `TIMEOUT`, `CLOSED`, or an
   * error of the store that waiting does not mend; then nothing is left behind.
   */
  async resolver(options: ResolverOptions<Meta> = {}): Promise<Resolver<Meta>> {
    return Resolver.open({ client: this.#client, checkMs: this.#checkMs, ...this.#format }, options);
  }

  #skip(error: unknown): undefined {
    if (!isCoordinationError(error, 'CORRUPT_DATA')) throw error;
    this.events.emitSafe('error', error);
  }
}
