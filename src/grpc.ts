/**
 * Channels of `@grpc/grpc-js` that find their servers in a {@link ServiceRegistry}: `coterie:///echo`. The library offers
 * the door for that as experimental, and keeps one table of schemes for the whole process, out of which nothing can be
 * taken: so there is one resolver class, which finds the client by the authority of the target.
 */
import { type ChannelOptions, experimental, Metadata, type ServiceConfig, status } from '@grpc/grpc-js';
import { checkFunction, checkKnown, checkTimeout, invalidOption } from './core/checks.js';
import type { ClientContext } from './core/context.js';
import { SafeEmitter } from './core/emitter.js';
import { checkPath } from './core/keys.js';
import { CoordinationError, printable } from './errors.js';
import type { Instance } from './recipes/service-registry-instance.js';
import { InstanceWatch } from './recipes/service-registry-view.js';

export interface CoterieResolverOptions {
  /** Where the services lie: `coterie:///echo` means the registry at `<prefix>/echo`. Default `/services`. */
  readonly prefix?: string | undefined;
  /**
   * The authority of the targets that are for this client: `coterie://<name>/echo`. Lower-case letters, digits, `.`, `-`
   * and `_`. Default: none, as in `coterie:///echo`.
   */
  readonly name?: string | undefined;
  /**
   * How a channel chooses among the instances: `round_robin`; `pick_first`, in an order of its own for each channel; a
   * whole service config; or `channel`, whatever its option `grpc.service_config` says. Default `round_robin`.
   */
  readonly serviceConfig?: 'round_robin' | 'pick_first' | 'channel' | ServiceConfig | undefined;
  /** Which instances count, beside those that are healthy and have a weight above 0. Default: all. */
  readonly filter?: ((instance: Instance) => boolean) | undefined;
  /** As in a {@link ServiceRegistry}, in milliseconds, above 0. Default 30,000. */
  readonly checkMs?: number | undefined;
}

export interface CoterieResolverEvents {
  /** An entry that is no instance (`CORRUPT_DATA`), what ended a watch, what a filter or a listener threw. */
  readonly error: unknown;
}

/** What the targets of one authority are resolved by. */
interface Source {
  readonly client: ClientContext;
  readonly prefix: string;
  readonly checkMs: number;
  readonly config: ServiceConfig | null;
  fits(instance: Instance): boolean;
  report(error: unknown): void;
}

/** Who resolves what, in this process. */
interface Directory {
  readonly sources: Map<string, Source>;
  /** Of the channels that are in use. */
  readonly resolvers: Set<TargetResolver>;
}

const scheme = 'coterie';
const directoryKey: unique symbol = Symbol.for('coterie.grpc.directory') as never;

/** Kept where grpc-js keeps its schemes, so that two copies of this package do not take the scheme from each other. */
function directory(): Directory {
  const holder = experimental as { [directoryKey]?: Directory };
  const found = holder[directoryKey];
  if (found !== undefined) return found;
  const made: Directory = { sources: new Map(), resolvers: new Set() };
  Object.defineProperty(holder, directoryKey, { value: made });
  experimental.registerResolver(scheme, TargetResolver);
  return made;
}

/** The resolver of one channel. */
class TargetResolver implements experimental.Resolver {
  readonly authority: string;
  readonly #service: string;
  readonly #listener: experimental.ResolverListener;
  #active = false;
  #watch: InstanceWatch<Instance['meta']> | undefined;
  /** What the channel was last told, to tell it only what is new: it connects anew each time. */
  #told: string | undefined;

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener, _options: ChannelOptions) {
    this.authority = target.authority ?? '';
    this.#service = target.path;
    this.#listener = listener;
  }

  /** The last part of the service's name. grpc-js takes only what can be the host of a URL. */
  static getDefaultAuthority({ path }: experimental.GrpcUri): string {
    checkPath(`/${path}`);
    return path.slice(path.lastIndexOf('/') + 1).replaceAll(/[^A-Za-z0-9._-]/g, '-');
  }

  updateResolution(): void {
    // The watch tells by itself what is new.
    if (this.#active) return;
    this.#active = true;
    const { sources, resolvers } = directory();
    resolvers.add(this);
    // Never at once: the channel is not ready to hear of it.
    queueMicrotask(() => {
      if (this.#active) this.attach(sources.get(this.authority));
    });
  }

  destroy(): void {
    this.#active = false;
    directory().resolvers.delete(this);
    this.#detach();
    this.#told = undefined;
  }

  /** Resolves by this from now on; where there is none, the channel keeps what it was told last. */
  attach(source: Source | undefined): void {
    this.#detach();
    if (source === undefined) {
      this.#fail(`no client is registered for ${scheme}://${printable(this.authority)}/`);
      return;
    }
    const path = `${source.prefix}/${this.#service}`;
    const watch: InstanceWatch<Instance['meta']> = new InstanceWatch(source.client, { path }, source.checkMs, {
      changed: () => {
        try {
          this.#tell(watch.view?.instances ?? [], source, path);
        } catch (error) {
          // A service config that grpc-js cannot make anything of.
          this.#told = undefined;
          this.#fail(`the instances of "${printable(path)}" cannot be used: ${printable(error)}`);
          source.report(error);
        }
      },
      stale: () => {},
      failed: (error) => {
        this.#fail(`the instances of "${printable(path)}" are not known: ${printable(error)}`);
        source.report(error);
      },
      skipped: (error) => source.report(error),
    });
    this.#watch = watch;
    watch.start();
  }

  #detach(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  #tell(instances: readonly Instance[], source: Source, path: string): void {
    const fit = instances.filter((instance) => instance.healthy && instance.weight > 0 && source.fits(instance));
    const addresses = fit.map(({ address, port }) => ({ host: address, port }));
    const news = JSON.stringify(addresses);
    if (news === this.#told) return;
    this.#told = news;
    const config = source.config === null ? null : experimental.statusOrFromValue(source.config);
    const endpoints = addresses.map((address) => ({ addresses: [address] }));
    const note = `${instances.length} instances of "${printable(path)}" known, ${fit.length} of them fit`;
    this.#listener(experimental.statusOrFromValue(endpoints), {}, config, note);
    // With no addresses alone, calls would wait for their deadline: grpc-js 1.14 counts that as being idle.
    if (fit.length === 0) this.#listener(unavailable(note), {}, config, note);
  }

  /** A channel that was told of addresses keeps them. */
  #fail(details: string): void {
    if (this.#told === undefined) this.#listener(unavailable(details), {}, null, details);
  }
}

function unavailable(details: string): experimental.StatusOr<experimental.Endpoint[]> {
  return experimental.statusOrFromError({ code: status.UNAVAILABLE, details, metadata: new Metadata() });
}

/** Targets of this process that are resolved by a client. To be closed before the client is. */
export class CoterieResolver implements Disposable {
  readonly name: string;
  /** Events: `error`. */
  readonly events = new SafeEmitter<CoterieResolverEvents>();
  readonly #source: Source;

  /** @internal Use {@link registerCoterieResolver}. */
  constructor(client: ClientContext, options: CoterieResolverOptions) {
    const { prefix = '/services', name = '', filter, checkMs = 30_000, serviceConfig } = options;
    const report = (error: unknown): void => this.events.emitSafe('error', error);
    const fits = (instance: Instance): boolean => {
      try {
        return filter === undefined || filter(instance);
      } catch (error) {
        report(error);
        return false;
      }
    };
    this.#source = { client, prefix, checkMs, config: configOf(serviceConfig), fits, report };
    this.name = name;
    const { sources } = directory();
    if (sources.has(name)) {
      const sentence = `The targets ${scheme}://${name}/ are resolved by another client: close that first, or give a name.`;
      throw new CoordinationError('INVALID_OPTION', sentence, { field: 'name', problem: 'taken' });
    }
    sources.set(name, this.#source);
    this.#inform(this.#source);
  }

  /**
   * Ends the watches. Channels keep the addresses that they know, and go on with them; new ones fail with `UNAVAILABLE`,
   * until the name is registered again, which old and new ones notice. The scheme itself cannot be taken out of grpc-js.
   * Idempotent.
   */
  close(): void {
    const { sources } = directory();
    if (sources.get(this.name) !== this.#source) return;
    sources.delete(this.name);
    this.#inform(undefined);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #inform(source: Source | undefined): void {
    for (const resolver of [...directory().resolvers]) {
      if (resolver.authority === this.name) resolver.attach(source);
    }
  }
}

function configOf(config: CoterieResolverOptions['serviceConfig'] = 'round_robin'): ServiceConfig | null {
  if (config === 'channel') return null;
  if (typeof config === 'object') return config;
  const options = config === 'pick_first' ? { shuffleAddressList: true } : {};
  return { loadBalancingConfig: [{ [config]: options }], methodConfig: [] };
}

/**
 * Makes channels of `@grpc/grpc-js` in this process find their servers in the registry of a client: `coterie:///echo` has
 * the instances at `<prefix>/echo`. Channels hear of instances that come and go at once, keep those that they know while
 * the store cannot be reached, and fail calls with `UNAVAILABLE` while none is known. One watch for each channel in use,
 * which keeps the process alive until the channel, this or the client is closed.
 *
 * grpc-js takes an address and a port of an instance, and no weight or metadata. TLS certificates are checked against the
 * last part of the service's name, unless the channel has an option `grpc.ssl_target_name_override`.
 *
 * Throws `INVALID_OPTION` (`problem` is `taken` where the name is in use), `UNKNOWN_OPTION`, `INVALID_TIMEOUT`,
 * `INVALID_KEY`, `INVALID_PREFIX`.
 */
export function registerCoterieResolver(client: ClientContext, options: CoterieResolverOptions = {}): CoterieResolver {
  checkKnown(options, ['prefix', 'name', 'serviceConfig', 'filter', 'checkMs'], 'registerCoterieResolver');
  const { prefix, name, serviceConfig, filter, checkMs } = options;
  if (prefix !== undefined) checkPath(prefix);
  checkTimeout(checkMs, 'checkMs');
  if (name !== undefined && !(typeof name === 'string' && /^[a-z0-9._-]*$/.test(name))) {
    throw invalidOption('name', 'name must be of lower-case letters, digits, ".", "-" and "_".');
  }
  if (filter !== undefined) checkFunction(filter, 'filter');
  const isKnown = ['round_robin', 'pick_first', 'channel'].some((known) => known === serviceConfig);
  const isConfig = typeof serviceConfig === 'object' && serviceConfig !== null;
  if (serviceConfig !== undefined && !isKnown && !isConfig) {
    throw invalidOption(
      'serviceConfig',
      'serviceConfig must be "round_robin", "pick_first", "channel" or a service config.',
    );
  }
  return new CoterieResolver(client, options);
}
