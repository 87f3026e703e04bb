import { checkCall, checkKnown } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { checkKey, checkPath } from '../core/keys.js';
import { LeasedKey } from '../core/leased-key.js';
import { checkTaken, Presence, type PresenceState, type TakenChoice } from '../core/presence.js';
import { type CallOptions, type Guard, unchanged } from '../core/store.js';
import { Typed, type Typing, typingOptions } from '../core/typed.js';
import { CoordinationError, printable } from '../errors.js';
import { type GroupView, groupViews, type Member, MemberReader } from './group-views.js';
import { type SessionChoice, type SessionSource, sessionOptions, sessionSource } from './line-session.js';

export type { GroupView, Member } from './group-views.js';

export interface GroupOptions<D> extends SessionChoice, Typing<D>, TakenChoice {}

/**
 * One's own place in a group. It comes back by itself when it is lost, as a new incarnation, unless `onSessionLost` is
 * `reject`; what depends on being a member should depend on {@link Membership.signal}, or on {@link Membership.guard}.
 */
export class Membership<D = unknown> implements AsyncDisposable {
  readonly id: string;
  readonly key: string;
  readonly #typed: Typed<D>;
  readonly #life: LeasedKey;
  readonly #presence: Presence;

  /** @internal Use {@link Group.join}. */
  constructor(id: string, key: string, typed: Typed<D>, life: LeasedKey, presence: Presence) {
    this.id = id;
    this.key = key;
    this.#typed = typed;
    this.#life = life;
    this.#presence = presence;
  }

  /** Events: `state`, `error`. */
  get events(): Presence['events'] {
    return this.#presence.events;
  }

  get state(): PresenceState {
    return this.#presence.state;
  }

  /** The incarnation: the revision at which it joined, greater after each loss. While it is lost, the last one. */
  get token(): bigint {
    // It was in the store when it was made.
    return this.#presence.lastIncarnation as bigint;
  }

  /** A guard for one's own commits: holds exactly as long as the incarnation of {@link Membership.token} is in the group. */
  get guard(): Guard {
    // An incarnation is never written a second time.
    return unchanged(this.key, this.token);
  }

  /**
   * Aborts when the present incarnation is no longer certainly in the group, before the store can drop it where its
   * session is lost. After it has come back, this is another signal; while it is lost, one that is aborted.
   */
  get signal(): AbortSignal {
    return this.#presence.signal;
  }

  /** Whether it is certainly in the group now, judged by the clock at every call. No round trip. */
  isMember(): boolean {
    return this.#life.isPresent();
  }

  /**
   * Joins anew with other data: this incarnation leaves, and the next one joins; nothing where the data is the same, byte
   * for byte. Resolves when it is in the group. A call that is given up leaves this to be done when it can be. Two round
   * trips. Rejects with `INVALID_VALUE`, `VALUE_TOO_LARGE`, `RELEASED` after {@link Membership.leave}, or as
   * {@link Group.join}.
   */
  async update(data: D, options: CallOptions = {}): Promise<void> {
    checkCall(options, 'update');
    const bytes = await this.#typed.encode(data, this.key);
    options.signal?.throwIfAborted();
    await this.#life.update(bytes, options);
  }

  /**
   * Leaves the group, for good. Resolves to whether it was in it until then. Where the store does not answer within a
   * second, it resolves to false, and the rest is done in the background. Idempotent. One round trip.
   */
  async leave(options: CallOptions = {}): Promise<boolean> {
    return await this.#life.stop(options);
  }

  /** @internal After the leave: resolves when it is certain that this is not in the group any more. */
  get gone(): Promise<unknown> {
    return this.#life.gone;
  }

  /** As {@link Membership.leave}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}

/**
 * Group membership: who is alive, told alike to everybody. A member is in the group from its join until it leaves or its
 * lease ends. Each time it joins, or comes back, it is a new incarnation with data of its own, which does not change.
 */
export class Group<D = unknown> {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #prefix: string;
  readonly #typed: Typed<D>;
  readonly #sessions: SessionSource;
  readonly #onTaken: 'reject' | 'wait';

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: GroupOptions<D> = {}) {
    checkKnown(options, [...sessionOptions, ...typingOptions, 'onTaken'], 'Group');
    checkPath(path);
    this.#onTaken = checkTaken(options);
    this.#typed = new Typed(options);
    this.#sessions = sessionSource(client, options);
    this.#client = client;
    this.#prefix = `${path}/`;
    this.path = path;
  }

  /**
   * Joins, and resolves when this is seen by all who look. One round trip; the watch on one's own key costs a message and
   * a read more.
   *
   * Rejects with `MEMBER_EXISTS` while another one of this id is in the group, unless `onTaken` is `wait`; with
   * `INVALID_KEY` for an id that cannot be part of a key, with `INVALID_VALUE` or `VALUE_TOO_LARGE`, with the reason of
   * `signal`, with `TIMEOUT`, `SESSION_LOST` if so chosen by `onSessionLost`, `CLOSED`, or an error of the store that
   * waiting does not mend. In each case nothing is left in the store.
   */
  async join(id: string, data: D, options: CallOptions = {}): Promise<Membership<D>> {
    checkCall(options, 'join');
    const key = this.#memberKey(id);
    const value = await this.#typed.encode(data, key);
    options.signal?.throwIfAborted();
    const presence = new Presence(key);
    const shared = { client: this.#client, sessions: this.#sessions, onTaken: this.#onTaken };
    const life = new LeasedKey({ ...shared, key, value, immutable: true, changed: presence.changed });
    await life.start(options);
    return new Membership(id, key, this.#typed, life, presence);
  }

  /** Who is in the group, from the one that has been in it for the longest. One round trip. */
  async members(options: CallOptions = {}): Promise<readonly Member<D>[]> {
    checkCall(options, 'members');
    const { entries } = await this.#client.store.read({ prefix: this.#prefix }, options);
    return await new MemberReader(this.#prefix, this.#typed).members(entries);
  }

  /**
   * Follows the group: first how it is, then every change. Each view is the truth at its revision. What changes faster
   * than it is consumed is told in one view; the last state is never left out. Survives lost connections and compaction.
   * Ends by `break`, or rejects with the reason of `signal`, with `TIMEOUT` where the first view takes longer than
   * `timeoutMs`, with `CLOSED`, or with what the store refuses. One watch for each caller.
   */
  views(options: CallOptions = {}): AsyncGenerator<GroupView<D>, void, undefined> {
    checkCall(options, 'views');
    return groupViews(this.#client, this.#prefix, this.#typed, options);
  }

  #memberKey(id: unknown): string {
    if (typeof id !== 'string' || id === '' || id.includes('/')) {
      const sentence = `The id of a member must be a name without "/", got "${printable(id)}".`;
      throw new CoordinationError('INVALID_KEY', sentence, { field: 'id' });
    }
    const key = this.#prefix + id;
    checkKey(key);
    return key;
  }
}
