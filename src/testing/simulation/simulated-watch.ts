import { inRange } from '../../core/checks.js';
import type { Clock } from '../../core/clock.js';
import { nameOf } from '../../core/ranges.js';
import type { Batch, CallOptions, Entry, Range } from '../../core/store.js';
import { WatchQueue } from '../../core/stream.js';
import { toEntry } from '../../transport/memory/watchers.js';
import { type Connection, clusterChanged, type Passenger } from './connection.js';
import type { SimulatedService } from './service.js';

type Changes = Batch & { readonly kind: 'changes' };

/** What a {@link SimulatedWatch} is made of. */
export interface WatchSetup {
  readonly service: SimulatedService;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly range: Range;
  readonly options: CallOptions | undefined;
  readonly ended: (watch: SimulatedWatch) => void;
}

/**
 * A watch over a connection. After a break it goes on where it was, as long as the store still knows what happened since,
 * else from a snapshot.
 *
 * Where the store keeps a history, each change is an event. Where it only has a state (Consul's blocking queries), the
 * client asks what is different from what it has been told, and asks again when it has the answer: changes in between
 * come as one.
 */
export class SimulatedWatch implements Passenger {
  readonly queue: WatchQueue;
  readonly #setup: WatchSetup;
  /** Undefined while the server is not watching for us. */
  #unfollow: (() => void) | undefined;
  /** The last revision up to which everything was delivered. */
  #seen = -1n;
  /** What the client was told that there is: key to `modified`. Only where the store has nothing but a state. */
  #told = new Map<string, bigint>();
  #asking = false;
  #changed = false;

  constructor(setup: WatchSetup) {
    this.#setup = setup;
    const { range, clock, options } = setup;
    const source = {
      range: nameOf(range),
      resnapshot: () => this.#begin(),
      ended: () => {
        this.#stop();
        setup.connection.leave(this);
        setup.ended(this);
      },
    };
    this.queue = new WatchQueue(source, clock, options);
    setup.connection.board(this);
    this.#begin();
  }

  broken(): void {
    this.#stop();
  }

  restored(): void {
    const { service, connection } = this.#setup;
    if (this.#unfollow !== undefined) return;
    if (this.#seen < 0n || service.personality.watches === 'state') this.#begin();
    else connection.ask(() => this.#resume());
  }

  #stop(): void {
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.#asking = false;
    this.#changed = false;
  }

  /** From a snapshot. */
  #begin(): void {
    const { connection } = this.#setup;
    this.#stop();
    if (!connection.up) return;
    connection.ask(() => {
      this.#follow();
      this.#sendState(true);
    });
  }

  /** From where it was. */
  #resume(): void {
    const { service, range } = this.#setup;
    if (this.#refused()) return;
    const missed = service.cluster.since(Number(this.#seen));
    this.#follow();
    if (missed === undefined) this.#sendState(true);
    for (const { revision, changes } of missed ?? []) {
      const own = changes.filter(({ key }) => inRange(range, key));
      if (own.length === 0) continue;
      const puts = own.flatMap(({ next }) => (next === undefined ? [] : [toEntry(next)]));
      const deletes = own.flatMap(({ key, next }) => (next === undefined ? [key] : []));
      this.#sendChanges({ kind: 'changes', revision: BigInt(revision), puts, deletes });
    }
  }

  /** Tells the client, and returns so, where the store is another one. */
  #refused(): boolean {
    const { connection } = this.#setup;
    if (connection.estranged) connection.send(() => this.queue.fail(clusterChanged()));
    return connection.estranged;
  }

  #follow(): void {
    const { service, range } = this.#setup;
    this.#unfollow?.();
    const changes = service.personality.watches === 'history' ? this.#event : this.#wake;
    this.#unfollow = service.follow(range, { changes });
  }

  readonly #event = (batch: Changes): void => {
    if (!this.#refused() && !this.#setup.connection.takeLoss()) this.#sendChanges(batch);
  };

  #sendChanges(batch: Changes): void {
    this.#setup.connection.send(() => {
      this.#seen = batch.revision;
      this.queue.changes(batch);
    });
  }

  /** The state is not what it was; who asks for it is answered. */
  readonly #wake = (): void => {
    if (this.#asking) this.#sendState(false);
    else this.#changed = true;
  };

  #sendState(whole: boolean): void {
    if (this.#refused()) return;
    const { service, connection, range } = this.#setup;
    const { revision, entries } = service.read(range);
    this.#asking = false;
    this.#changed = false;
    const told = this.#told;
    this.#told = new Map(entries.map(({ key, modified }) => [key, modified]));
    const batch = whole ? undefined : difference(told, this.#told, entries, revision);
    connection.send(() => {
      this.#seen = revision;
      if (batch === undefined) {
        this.queue.restart();
        this.queue.snapshot(revision, entries);
      } else if (batch.puts.length + batch.deletes.length > 0) this.queue.changes(batch);
      if (service.personality.watches === 'state') this.#askAgain();
    });
  }

  #askAgain(): void {
    this.#setup.connection.ask(() => {
      if (this.#unfollow === undefined) return;
      this.#asking = true;
      if (this.#changed) this.#sendState(false);
    });
  }
}

function difference(
  before: ReadonlyMap<string, bigint>,
  after: ReadonlyMap<string, bigint>,
  entries: readonly Entry[],
  revision: bigint,
): Changes {
  const puts = entries.filter(({ key, modified }) => before.get(key) !== modified);
  const deletes = [...before.keys()].filter((key) => !after.has(key));
  return { kind: 'changes', revision, puts, deletes };
}
