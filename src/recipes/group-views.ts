import type { ClientContext } from '../core/context.js';
import { RangeView } from '../core/range-view.js';
import { openScope, orAbort } from '../core/signals.js';
import type { CallOptions, Entry } from '../core/store.js';
import type { Typed } from '../core/typed.js';
import { type CoordinationError, isCoordinationError, printable } from '../errors.js';

/** One that is in a group. */
export interface Member<D> {
  readonly id: string;
  /** The revision at which it joined. One that comes back has another, a greater one: it is another member. */
  readonly incarnation: bigint;
  /** What it joined with; undefined where that is not what it should be, and `problem` says why. */
  readonly data: D | undefined;
  /** `INVALID_VALUE`, where its data cannot be decoded, or is refused by the schema. */
  readonly problem?: CoordinationError;
}

/** Who is in a group at a revision of the store, and how that differs from the view before. */
export interface GroupView<D> {
  readonly revision: bigint;
  /** From the one that has been in it for the longest. */
  readonly members: readonly Member<D>[];
  /** Who is in it now and was not in the last view: everybody, in the first one. */
  readonly joined: readonly Member<D>[];
  /** Who was in the last view and is not any more. One that left and came back is in both lists. */
  readonly left: readonly Member<D>[];
}

/** The id of the member that this entry stands for; undefined where it stands for none. */
function memberId(prefix: string, { key, lease }: Entry): string | undefined {
  const id = key.slice(prefix.length);
  // What has no lease says nothing of anybody's being alive; what lies deeper is not a member's key.
  return lease === undefined || id.includes('/') || id === '' ? undefined : id;
}

/** Turns entries into members, each of which it decodes once. */
export class MemberReader<D> {
  readonly #prefix: string;
  readonly #typed: Typed<D>;
  #known: ReadonlyMap<string, { readonly modified: bigint; readonly member: Member<D> }> = new Map();

  constructor(prefix: string, typed: Typed<D>) {
    this.#prefix = prefix;
    this.#typed = typed;
  }

  /** The members among the entries, from the oldest. */
  async members(entries: readonly Entry[]): Promise<readonly Member<D>[]> {
    const known = new Map<string, { readonly modified: bigint; readonly member: Member<D> }>();
    for (const entry of entries) {
      const id = memberId(this.#prefix, entry);
      if (id === undefined) continue;
      const before = this.#known.get(entry.key);
      if (before?.modified === entry.modified) known.set(entry.key, before);
      else known.set(entry.key, { modified: entry.modified, member: await this.#member(id, entry) });
    }
    this.#known = known;
    return [...known.values()].map(({ member }) => member).sort(byAge);
  }

  async #member(id: string, { key, value, created }: Entry): Promise<Member<D>> {
    try {
      return { id, incarnation: created, data: await this.#typed.decode(value, key) };
    } catch (error) {
      if (!isCoordinationError(error)) throw error;
      return { id, incarnation: created, data: undefined, problem: error };
    }
  }
}

function byAge(a: Member<unknown>, b: Member<unknown>): number {
  if (a.incarnation !== b.incarnation) return a.incarnation < b.incarnation ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

/** Whoever is in `members` and not, in this incarnation, in `others`. */
function without<D>(members: readonly Member<D>[], others: readonly Member<D>[]): readonly Member<D>[] {
  const there = new Map(others.map(({ id, incarnation }) => [id, incarnation]));
  return members.filter(({ id, incarnation }) => there.get(id) !== incarnation);
}

/**
 * The views of a group: how it is, and then how it becomes, by one watch. What changes faster than it is consumed is told
 * in one view; memory holds only the present state.
 */
export async function* groupViews<D>(
  client: ClientContext,
  prefix: string,
  typed: Typed<D>,
  { signal, timeoutMs }: CallOptions,
): AsyncGenerator<GroupView<D>, void, undefined> {
  const reader = new MemberReader(prefix, typed);
  // The timeout is for the first view only.
  const first = openScope(client.clock, { signal, timeoutMs }, `the first view of "${printable(prefix)}"`);
  const later = openScope(client.clock, { signal }, 'watching a group');
  const changes = new Changes();
  let view: RangeView | undefined;
  try {
    view = new RangeView(client, { prefix }, changes);
    let last: readonly Member<D>[] | undefined;
    for (;;) {
      await orAbort(changes.next(), last === undefined ? first : later);
      first[Symbol.dispose]();
      const { revision } = view;
      const members = await reader.members([...view.entries.values()]);
      later.throwIfAborted();
      if (last !== undefined && sameMembers(members, last)) continue;
      const before = last ?? [];
      last = members;
      yield { revision, members, joined: without(members, before), left: without(before, members) };
    }
  } finally {
    view?.stop();
    first[Symbol.dispose]();
    later[Symbol.dispose]();
  }
}

function sameMembers(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((member, at) => member === b[at]);
}

/** Whether something has changed since it was last asked; a failure is for good. */
class Changes {
  #dirty = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  readonly changed = (): void => {
    this.#dirty = true;
    this.#wake();
  };

  readonly failed = (error: unknown): void => {
    this.#failure = { error };
    this.#wake();
  };

  async next(): Promise<void> {
    while (!this.#dirty) {
      if (this.#failure !== undefined) throw this.#failure.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#dirty = false;
  }
}
