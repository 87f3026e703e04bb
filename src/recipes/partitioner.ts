import { checkCall, checkFunction, checkInteger, checkKnown, invalidOption } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { SafeEmitter } from '../core/emitter.js';
import { checkPath } from '../core/keys.js';
import type { TakenChoice } from '../core/presence.js';
import { openScope } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import { Group } from './group.js';
import type { SessionChoice } from './line-session.js';
import type { PartitionerEvents, ShardHold, ShardTask } from './partitioner-hold.js';
import { claimOf, ShardPaths } from './partitioner-map.js';
import { Share } from './partitioner-share.js';

export type { PartitionerEvents, ShardTask } from './partitioner-hold.js';
export { ShardHold } from './partitioner-hold.js';

export interface PartitionerOptions extends SessionChoice, TakenChoice {
  /** How many shards there are, from 1 to 4,096: the same number for all who share them. */
  readonly shards: number;
  /**
   * The name of this member, without `/`. One that comes back under the same name gets the same shards. Default: made from
   * the host, the process id and a random number.
   */
  readonly id?: string | undefined;
  /** How many shards this member takes, in proportion to the weights of the others; above 0. Default 1. */
  readonly weight?: number | undefined;
}

/** Who works on a shard. */
export interface ShardOwner {
  readonly shard: number;
  readonly id: string;
  /** The fencing token of the shard: greater than that of every earlier owner. */
  readonly token: bigint;
}

const mostShards = 4_096;

/**
 * Divides a number of shards among the members that are alive: each shard has at most one owner, and, but for the time of
 * a hand-over, exactly one. The shares are even, or in proportion to weights; when a member joins or goes, only as many
 * shards move as must. A shard goes from one owner to the next only when the task on it has ended, or when the lease of
 * the last owner has run out.
 */
export class Partitioner {
  readonly path: string;
  /** The name of this member. */
  readonly id: string;
  /** Events: `acquired`, `released`, `error`. */
  readonly events = new SafeEmitter<PartitionerEvents>();
  readonly #client: ClientContext;
  readonly #paths: ShardPaths;
  readonly #shards: number;
  readonly #weight: number;
  readonly #group: Group<{ readonly shards: number; readonly weight: number }>;
  readonly #owned = new Map<number, ShardHold>();
  #running = false;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: PartitionerOptions) {
    checkKnown(options, ['shards', 'id', 'weight', 'ttlMs', 'session', 'onSessionLost', 'onTaken'], 'Partitioner');
    checkPath(path);
    const { shards, weight = 1, id = defaultId(client), ...group } = options ?? {};
    checkNumbers(shards, weight);
    this.path = path;
    this.id = id;
    this.#client = client;
    this.#paths = new ShardPaths(path);
    this.#shards = shards;
    this.#weight = weight;
    this.#group = new Group(client, this.#paths.members, group);
  }

  /** The shards that are this member's own at this moment, by number. */
  get owned(): ReadonlyMap<number, ShardHold> {
    return this.#owned;
  }

  /**
   * Takes part until `signal` aborts: joins, and runs `task` for each shard that becomes this member's own. The task's
   * `signal` aborts when it is time to stop: the shard is to go to another member, this one is to end, or the shard was
   * lost. Until the task has ended, the shard stays its own, unless it was lost, of which `hold.signal` tells. A task
   * that ends before that leaves the shard to this member all the same.
   *
   * Never resolves. Rejects, when all tasks have ended and everything is given back, with the reason of `signal`, or with
   * the error of a task that failed before it was told to stop; with `TIMEOUT` where joining takes longer than `timeoutMs`;
   * with `MEMBER_EXISTS` where another member has the name; with `LIMIT_MISMATCH` where the others divide another number of
   * shards; with `CONFLICT` where it runs already; with `SESSION_LOST` if so chosen by `onSessionLost`; with `CLOSED`, or
   * what the store refuses.
   *
   * Joining costs one round trip and two watches; then a commit for every so many shards as the store takes in one (63 on
   * etcd, 31 on Consul), and one for each that is given back.
   */
  async run(task: ShardTask, options: CallOptions = {}): Promise<never> {
    checkCall(options, 'run');
    checkFunction(task, 'task');
    if (this.#running) {
      const sentence = `"${printable(this.id)}" takes part in "${printable(this.path)}" already.`;
      throw new CoordinationError('CONFLICT', sentence, { key: this.path });
    }
    this.#running = true;
    const scope = openScope(this.#client.clock, { signal: options.signal }, 'working on shards');
    try {
      const data = { shards: this.#shards, weight: this.#weight };
      const membership = await this.#group.join(this.id, data, options);
      const { events } = this;
      const parts = { client: this.#client, paths: this.#paths, shards: this.#shards, task, events, membership };
      return await new Share({ ...parts, owned: this.#owned }, scope).work();
    } finally {
      scope[Symbol.dispose]();
      this.#running = false;
    }
  }

  /** Who works on which shard, by number. Those that are being handed over are left out. One round trip. */
  async owners(options: CallOptions = {}): Promise<readonly ShardOwner[]> {
    checkCall(options, 'owners');
    const { entries } = await this.#client.store.read({ prefix: this.#paths.shards }, options);
    const owners = entries.flatMap((entry) => {
      const claim = entry.lease === undefined ? undefined : claimOf(entry, this.#paths, this.#shards);
      return claim === undefined ? [] : [{ shard: claim.shard, id: claim.id, token: claim.token }];
    });
    return owners.sort((a, b) => a.shard - b.shard);
  }
}

function defaultId({ identity, random }: ClientContext): string {
  const host = identity.host.replaceAll('/', '-');
  return `${host}-${identity.pid}-${Math.floor(random() * 2 ** 32).toString(36)}`;
}

function checkNumbers(shards: unknown, weight: unknown): void {
  checkInteger(shards, 'shards', 1, mostShards);
  if (typeof weight === 'number' && weight > 0 && Number.isFinite(weight)) return;
  throw invalidOption('weight', `weight must be a number above 0, got ${printable(weight)}.`);
}
