import { checkInteger, checkKnown, checkWord } from '../../core/checks.js';
import type { Clock } from '../../core/clock.js';
import { VirtualClock } from '../virtual-clock.js';
import { Operator } from './operator.js';
import { type Personality, type PersonalityName, personalities, withShortestTtl } from './personality.js';
import { Population } from './population.js';
import { SeededRandom } from './seeded-random.js';
import { type RevisionListener, SimulatedService } from './service.js';
import { Truth } from './truth.js';

/** What a {@link TestCluster} is made of. */
export interface TestClusterOptions<C extends Clock = VirtualClock> {
  /**
   * Time, of the store and of all clients. Default: a {@link VirtualClock}, which stands still until it is told to move. Give
   * `systemClock` where the fake timers of a test runner move time.
   */
  readonly clock?: C | undefined;
  /** Which store it behaves like. Default: `etcd`. */
  readonly store?: PersonalityName | undefined;
  /** The time to live of the clients' sessions, in milliseconds. Default 10,000. */
  readonly ttlMs?: number | undefined;
  /** The shortest lease that the store grants, in milliseconds: Consul's `session_ttl_min`. Default: the store's own. */
  readonly minTtlMs?: number | undefined;
  /** What the clients draw their jitter from. Default 0. */
  readonly seed?: number | undefined;
}

/**
 * A store in this process for plain unit tests, with clients that each stand behind a connection of their own, and with
 * the same faults by name as a simulated world. Nothing happens by chance, and nothing takes time unless it is told to.
 */
export class TestCluster<C extends Clock = VirtualClock> extends Population {
  /** Time, of the store and of all clients. */
  readonly clock: C;
  readonly service: SimulatedService;
  readonly truth: Truth;
  readonly operator: Operator;

  /** @internal Use {@link memoryCluster}. */
  constructor(clock: C, personality: Personality, ttlMs: number, seed: number) {
    const random = new SeededRandom(seed);
    super({ timeline: clock, random, latency: { leastMs: 0, mostMs: 0 }, drift: 0, ttlMs });
    this.clock = clock;
    this.truth = new Truth(() => this.service);
    const take: RevisionListener = (revision, generation) => this.truth.take(revision, generation, clock.now());
    this.service = new SimulatedService(clock, personality, random.fork('service'), take);
    this.operator = new Operator(this.service, this.truth, clock);
  }

  /** Closes all clients. */
  async close(): Promise<void> {
    this.heal();
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * A store in this process, for plain unit tests of what uses one: `cluster.client()` is a client of its own process, and
 * `cluster.pause(client)`, `cluster.partition(client)`, `cluster.expire(session)`, `cluster.crash(client)` are what can happen
 * to it. Throws `INVALID_OPTION`, `UNKNOWN_OPTION`.
 *
 * @example
 * const cluster = memoryCluster();
 * const client = cluster.client();
 * const hold = await new Mutex(client, '/locks/report').acquire();
 * cluster.partition(client);
 * await cluster.clock.advance(10_000);
 * hold.signal.aborted; // true
 */
export function memoryCluster<C extends Clock = VirtualClock>(options: TestClusterOptions<C> = {}): TestCluster<C> {
  checkKnown(options, ['clock', 'store', 'ttlMs', 'minTtlMs', 'seed'], 'a test cluster');
  const { store = 'etcd', ttlMs = 10_000, seed = 0, minTtlMs } = options;
  checkWord(store, 'store', Object.keys(personalities));
  if (minTtlMs !== undefined) checkInteger(minTtlMs, 'minTtlMs', 1);
  const usual = personalities[store];
  const personality = minTtlMs === undefined ? usual : withShortestTtl(usual, minTtlMs);
  checkInteger(ttlMs, 'ttlMs', personality.traits.minTtlMs);
  checkInteger(seed, 'seed', 0);
  // Without a clock of the caller's, C is what it is by default.
  return new TestCluster(options.clock ?? (new VirtualClock() as Clock as C), personality, ttlMs, seed);
}
