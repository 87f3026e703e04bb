import type { StoreKind } from './bench.js';
import { consulVersion, startConsul } from './consul-server.js';
import { etcdVersion, startEtcd } from './etcd-server.js';
import type { Options } from './options.js';
import type { RunningServer } from './server.js';

/** Servers to measure against. */
interface Place {
  readonly endpoints: readonly string[];
  /** Which version they are of, and what else is to be known of them. */
  readonly about: string;
  stop(): void;
}

/** How a kind of server is come by. */
interface Source {
  readonly name: string;
  /** Those that run already. */
  given(options: Options): readonly string[] | undefined;
  start(options: Options): Promise<RunningServer>;
  version(endpoint: string): Promise<string>;
  /** What to say of one that was started. */
  manner(options: Options): string;
}

const sources: Readonly<Record<StoreKind, Source>> = {
  etcd: {
    name: 'etcd',
    given: ({ endpoints }) => endpoints,
    start: ({ fsync }) => startEtcd(fsync),
    version: etcdVersion,
    manner: ({ fsync }) => (fsync ? ', one member' : ', one member, no fsync'),
  },
  consul: {
    name: 'Consul',
    given: ({ consul }) => (consul === undefined ? undefined : [consul]),
    start: startConsul,
    version: consulVersion,
    manner: () => ', one server',
  },
};

async function open(kind: StoreKind, options: Options): Promise<Place> {
  const { name, given, start, version, manner } = sources[kind];
  const endpoints = given(options);
  if (endpoints !== undefined) {
    // A client would wait for them to come up.
    const versions = new Set(await Promise.all(endpoints.map(version)));
    return { endpoints, about: `${name} ${[...versions].join(' and ')}`, stop: () => {} };
  }
  const { endpoint, stop } = await start(options);
  try {
    return { endpoints: [endpoint], about: `${name} ${await version(endpoint)}${manner(options)}`, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/**
 * The servers of a run: of each kind those that are given, or one that is started when a bench first needs it. One at a
 * time, so that none is measured while another idles beside it.
 */
export class Servers {
  readonly #options: Options;
  readonly #tell: (about: string) => void;
  readonly #failed = new Map<StoreKind, unknown>();
  #current: { readonly kind: StoreKind; readonly place: Place } | undefined;

  /** `tell` is told of each that is there. */
  constructor(options: Options, tell: (about: string) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  /** Endpoints of such a server. Rejects, each time, where there is none. */
  async need(kind: StoreKind | undefined): Promise<readonly string[]> {
    if (kind === undefined) return [];
    if (this.#failed.has(kind)) throw this.#failed.get(kind);
    if (this.#current?.kind !== kind) {
      this.stop();
      this.#current = { kind, place: await this.#open(kind) };
      this.#tell(this.#current.place.about);
    }
    return this.#current.place.endpoints;
  }

  /** Ends what was started. Safe to call in a handler of process exit. */
  stop(): void {
    this.#current?.place.stop();
    this.#current = undefined;
  }

  async #open(kind: StoreKind): Promise<Place> {
    try {
      return await open(kind, this.#options);
    } catch (error) {
      this.#failed.set(kind, error);
      throw error;
    }
  }
}
