import { orAbort, type Stop } from '../core/signals.js';
import { type Entry, type LeaseId, type Query, read } from '../core/store.js';
import { type Item, rankOf } from './queue-keys.js';
import { any, byAge, byRank, Consumers, weight } from './queue-order.js';
import type { QueueSetup } from './queue-parts.js';

/** How many items a look asks for at first. */
const window = 64;

/** The items of a queue that were free when it was last looked at. */
interface View {
  readonly free: Item[];
  /** When the first of those that are not due yet will be, by the wall clock. */
  readonly nextDueMs: number;
}

const nothing: View = { free: [], nextDueMs: Number.POSITIVE_INFINITY };

/**
 * Which items can be claimed. A look shows some of the first ones; in order of age, what it shows serves many claims, since
 * what comes later comes behind. A claim by what is shown no more is refused, and is followed by another look.
 */
export class Shelf {
  readonly #parts: QueueSetup;
  readonly #orderOf: (a: Item, b: Item) => number;
  /** Being claimed from here: a look may not show it yet. */
  readonly #claiming = new Set<string>();
  readonly #consumers = new Consumers();
  #me: LeaseId | undefined;
  /** Among how many of the first ones to choose at random: more than one when claims are refused. */
  #spread = 1;
  #refused = false;
  #view: View = nothing;
  #isCleared = false;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(parts: QueueSetup) {
    this.#parts = parts;
    this.#orderOf = parts.order === 'age' ? byAge : byRank;
  }

  /** When something will be due that was not at the last look, by the wall clock. */
  get nextDueMs(): number {
    return this.#view.nextDueMs;
  }

  /** What it shows is out of date. */
  clear(): void {
    this.#view = { ...nothing, nextDueMs: this.#view.nextDueMs };
    this.#isCleared = true;
  }

  /** What it shows was taken by others. */
  refused(): void {
    this.#refused = true;
    this.#spread = Math.min(window, this.#spread * 4);
    this.clear();
  }

  /** Up to `count` items to claim now, which nobody else of this queue is given until {@link putBack}. */
  async pick(count: number, me: LeaseId, scope: Stop): Promise<readonly Item[]> {
    const { order, client } = this.#parts;
    // With its session, a consumer lost what it had, which comes first again.
    const isGood = order === 'age' && me === this.#me && client.clock.wall() < this.#view.nextDueMs;
    this.#me = me;
    const early = isGood ? this.#choose(count, me, false) : [];
    if (early.length > 0) return early;
    // Another one here can have found out that what is shown is not so, before this one came to look at it.
    do await orAbort(this.#look(), scope);
    while (this.#isCleared);
    return this.#choose(count, me, true);
  }

  /** These are claimed, or are not to be had. */
  putBack(items: readonly Item[]): void {
    for (const { id } of items) this.#claiming.delete(id);
  }

  /** The first items in order, free or not, due or not. One round trip, mostly. */
  async first(limit: number): Promise<readonly Item[]> {
    // More than that, as those of the last commit may be left out.
    const { entries } = await this.#readItems(limit + window);
    return entries.slice(0, limit);
  }

  /**
   * Where several consumers take from the queue, each item is one consumer's before it is the others', so that they do not
   * all want the same one: the consumer for whom a number made of item and lease is greatest. Those who have not seen each
   * other yet find out by refusals, and choose at random for a while.
   */
  #choose(count: number, me: LeaseId, force: boolean): readonly Item[] {
    const { order, client } = this.#parts;
    const here = this.#view.free.filter(({ id }) => !this.#claiming.has(id));
    const [first] = here;
    if (first === undefined) return [];
    // More urgent ones are never passed over.
    const equal = order === 'priority' ? here.filter(({ rank }) => rank === first.rank) : here;
    const others = this.#consumers.besides(me);
    const mine = equal.filter(({ id }) => others.every((other) => weight(id, me) >= weight(id, other)));
    // Alone, one that wants many goes on to those less urgent; who was refused is not alone.
    const own = order === 'priority' && others.length === 0 && this.#spread === 1 ? here : mine;
    const from = Math.floor(client.random() * Math.min(this.#spread, own.length));
    let chosen = own.slice(from, from + count);
    if (chosen.length === 0 && force) chosen = [any(equal.slice(0, others.length + 1), client.random())];
    const taken = new Set(chosen);
    this.#view = { ...this.#view, free: here.filter((item) => !taken.has(item)) };
    for (const { id } of chosen) this.#claiming.add(id);
    return chosen;
  }

  /** Looks, after this call: a look under way may have missed what its caller knows of. */
  #look(): Promise<void> {
    this.#next ??= this.#lookAfter(this.#current);
    return this.#next;
  }

  async #lookAfter(current: Promise<void> | undefined): Promise<void> {
    await current?.catch(() => {});
    const looking = this.#lookNow();
    this.#current = looking;
    this.#next = undefined;
    await looking;
  }

  async #lookNow(): Promise<void> {
    for (let limit = window; ; limit *= 4) {
      const seen = await this.#readItems(limit);
      this.#consumers.note(seen.claims, this.#parts.client.clock.now());
      if (!this.#refused) this.#spread = Math.max(1, this.#spread / 4);
      this.#refused = false;
      const view = this.#viewOf(seen.entries, seen.claims);
      this.#view = view;
      this.#isCleared = false;
      if (view.free.length > 0 || seen.complete) return;
    }
  }

  #viewOf(items: readonly Item[], claims: readonly Entry[]): View {
    const { client, keys } = this.#parts;
    const claimed = new Set(claims.map(({ key }) => keys.claimed(key)));
    const open = items.filter(({ id }) => !claimed.has(id));
    const now = client.clock.wall();
    const later = open.filter(({ header }) => header.dueMs > now).map(({ header }) => header.dueMs);
    return {
      free: open.filter(({ header }) => header.dueMs <= now),
      nextDueMs: later.reduce((least, dueMs) => Math.min(least, dueMs), Number.POSITIVE_INFINITY),
    };
  }

  /**
   * Items and claims of one moment. `complete`: there are no more that could be free. In order of age, items of one commit
   * come by key: those that the limit may have cut apart are left out.
   */
  async #readItems(limit: number) {
    const { order, keys, client } = this.#parts;
    const { entries, claims } = await this.#read({
      prefix: keys.items,
      limit,
      order: order === 'age' ? 'oldest' : 'key',
    });
    const last = entries.at(-1);
    if (last === undefined || entries.length < limit) return this.#sorted(entries, claims, true);
    if (order === 'age') {
      const whole = entries.filter(({ created }) => created < last.created);
      return this.#sorted(whole.length > 0 ? whole : entries, claims, false);
    }
    const items = entries.map((entry) => keys.toItem(entry));
    if (order === 'due') {
      const future = keys.item(rankOf(Math.floor(client.clock.wall()) + 1), '');
      return this.#sorted(entries, claims, last.key > future);
    }
    return await this.#withinRank(items, entries, claims, limit);
  }

  /** Of one priority, the oldest is the first: by key, any could be. */
  async #withinRank(items: readonly Item[], entries: readonly Entry[], claims: readonly Entry[], limit: number) {
    const { keys } = this.#parts;
    const [first] = this.#viewOf(items, claims).free;
    if (first === undefined || first.rank !== items.at(-1)?.rank) return this.#sorted(entries, claims, false);
    const rank = `${keys.items}${first.rank}/`;
    const oldest = await this.#read({ prefix: rank, limit, order: 'oldest' });
    return this.#sorted(oldest.entries, oldest.claims, false);
  }

  #sorted(entries: readonly Entry[], claims: readonly Entry[], complete: boolean) {
    const items = entries.map((entry) => this.#parts.keys.toItem(entry)).sort(this.#orderOf);
    return { entries: items, claims, complete };
  }

  async #read(items: Query): Promise<{ readonly entries: readonly Entry[]; readonly claims: readonly Entry[] }> {
    const { client, keys } = this.#parts;
    const { reads } = await client.store.commit([], [read(items), read({ prefix: keys.claims })]);
    const [entries = [], claims = []] = reads;
    return { entries, claims };
  }
}
