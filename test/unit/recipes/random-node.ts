import { Client } from '../../../src/client.js';
import { absent, type LeaseId, remove } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { FaultyStore } from '../../../src/testing/faulty-store.js';
import type { VirtualClock } from '../../../src/testing/virtual-clock.js';
import type { MemoryCluster } from '../../../src/transport/memory/cluster.js';
import { type Dice, Process } from './random-process.js';

/** What a node is made in. */
export interface NodeWorld {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
  readonly dice: Dice;
  readonly ttlMs: number;
  /** By how much of its speed a clock may be wrong. */
  readonly drift: number;
}

/** One client, in a process of its own, behind a network of its own. */
export class Node {
  readonly name: string;
  readonly process: Process;
  readonly network: FaultyStore;
  readonly client: Client;
  /** `crashed`: it stands still and is cut off, for ever. `closed`: it was told to close. */
  state: 'up' | 'closed' | 'crashed' = 'up';
  partitioned = false;
  /** Until when it is, or was last, kept from hearing of things at once. */
  disturbedMs = 0;
  /** The sessions that it knows to be over. */
  readonly over = new Set<LeaseId>();
  readonly #clock: VirtualClock;

  constructor(name: string, { clock, cluster, dice, ttlMs, drift }: NodeWorld) {
    this.name = name;
    this.#clock = clock;
    this.process = new Process(clock, 1 + drift * (2 * dice.next() - 1));
    this.network = new FaultyStore(cluster.store(), clock);
    const store = this.process.around(this.network);
    this.client = new Client(store, { clock: this.process, random: dice.next, ttlMs, host: name });
    this.client.events.on('session', ({ session, state }) => {
      if (state.kind === 'lost' || state.kind === 'closed') this.over.add(session.lease);
    });
  }

  /** Something keeps news from it, for this long. */
  disturb(forMs = 0): void {
    this.disturbedMs = Math.max(this.disturbedMs, this.#clock.now() + forMs);
  }

  partition(): void {
    this.partitioned = true;
    this.network.partition();
  }

  freeze(asleep = false): void {
    this.process.freeze(asleep);
  }

  /** Goes on, and is connected. */
  heal(): void {
    if (this.state === 'crashed') return;
    this.disturb();
    this.partitioned = false;
    this.network.delay(0);
    this.network.heal();
    if (this.process.frozen) this.process.thaw();
  }

  /** Uses up what is left of faults that were to strike coming calls. */
  async exhaust(): Promise<void> {
    const { network } = this;
    const calls: (() => Promise<unknown>)[] = [
      () => network.read({ key: '/nothing' }),
      () => network.commit([absent('/something')], [remove('/nothing')]),
      () => network.renew('none'),
      () => network.revoke('none'),
      async () => network.revoke((await network.grant(1_000)).id),
    ];
    for (const call of calls) while (!(await call().then(answered, hasAnswered)));
  }

  crash(): void {
    this.state = 'crashed';
    this.freeze();
    this.partition();
  }
}

function answered(): boolean {
  return true;
}

/** Whether an error came from the store itself. */
function hasAnswered(error: unknown): boolean {
  return !isCoordinationError(error, 'UNAVAILABLE') && !isCoordinationError(error, 'UNKNOWN_OUTCOME');
}
