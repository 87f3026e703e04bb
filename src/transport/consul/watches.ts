import type { CallOptions, Range, Watch } from '../../core/store.js';
import { isRetryable } from '../../errors.js';
import { foldersOf, type Scope } from './keys.js';
import { LeaderCheck, type LeaderContext } from './leader-check.js';
import { Poll, type PollContext } from './poll.js';
import { type State, View } from './view.js';

export interface WatchContext extends PollContext, LeaderContext {
  /** How many blocking queries may be open at once. */
  readonly connections: number;
  /** Reads a scope now, as any read: with repetitions, and on a connection for calls. */
  look(scope: Scope, name: string): Promise<State>;
}

/**
 * All watches of a client. Each watched range has a blocking query that its watches share. There are only so many
 * connections, though: beyond that, ranges that lie close together are seen by one query about the folder around them.
 */
export class Watches {
  readonly #context: WatchContext;
  readonly #polls = new Set<Poll>();
  readonly #leader: LeaderCheck;
  /** Counts watches: an answer that was asked for before a watch was is no beginning for it. */
  #moment = 0;

  constructor(context: WatchContext) {
    this.#context = context;
    this.#leader = new LeaderCheck(context, () => this.renew(Number.POSITIVE_INFINITY));
  }

  get moment(): number {
    return this.#moment;
  }

  /** Blocking queries under way. */
  get openPolls(): number {
    return this.#polls.size;
  }

  watch(range: Range, options: CallOptions | undefined): Watch {
    const born = ++this.#moment;
    const view = new View(range, born, this.#context.clock, options, (ended) => this.#remove(ended));
    this.#place(view);
    return view.queue;
  }

  /** Asks anew for what has been waited for since before then: requests under way may be lost. */
  renew(sinceMs: number): void {
    for (const poll of this.#polls) poll.renew(sinceMs);
  }

  /** Ends all watches with this error. */
  close(error: unknown): void {
    this.#leader.stop();
    for (const poll of [...this.#polls]) {
      poll.stop();
      for (const { queue } of [...poll.views]) queue.fail(error);
    }
    this.#polls.clear();
  }

  #place(view: View): void {
    const sharing = [...this.#polls].find(({ scope }) => view.isSeenBy(scope));
    if (sharing !== undefined) {
      sharing.views.add(view);
      if (!view.isOpen) void this.#open(view);
      return;
    }
    if (this.#polls.size < this.#context.connections) this.#start(view.scope, [view]);
    else this.#merge(view);
  }

  #start(scope: Scope, views: Iterable<View>): void {
    const poll = new Poll(scope, this.#context);
    for (const view of views) poll.views.add(view);
    this.#polls.add(poll);
    poll.start();
    this.#leader.start();
  }

  #stop(poll: Poll): void {
    poll.stop();
    this.#polls.delete(poll);
    if (this.#polls.size === 0) this.#leader.stop();
  }

  /** Makes room for one more, by one query about the folder that has the most of them, the deepest first. */
  #merge(view: View): void {
    const folder = busiestFolder([...this.#polls].map(({ scope }) => scope).concat(view.scope));
    const scope = { text: folder, recurse: true };
    const seen = view.isSeenBy(scope);
    const views: View[] = seen ? [view] : [];
    for (const poll of [...this.#polls]) {
      if (!poll.scope.text.startsWith(folder)) continue;
      views.push(...poll.views);
      this.#stop(poll);
    }
    this.#start(scope, views);
    if (!seen) this.#place(view);
  }

  #remove(view: View): void {
    for (const poll of this.#polls) {
      if (!poll.views.delete(view)) continue;
      if (poll.views.size === 0) this.#stop(poll);
      else this.#narrow(poll);
      return;
    }
  }

  /** One that shows a whole folder for the sake of a single range is given up for one about just that. */
  #narrow(poll: Poll): void {
    const [first, ...others] = poll.views;
    if (first === undefined || sameScope(first.scope, poll.scope)) return;
    if (others.some(({ scope }) => !sameScope(scope, first.scope))) return;
    this.#stop(poll);
    this.#start(first.scope, poll.views);
  }

  async #open(view: View): Promise<void> {
    try {
      view.accept(await this.#context.look(view.scope, view.name), false);
    } catch (error) {
      // What passes by itself is got over by the query that it shares.
      if (!isRetryable(error)) view.queue.fail(error);
      else this.#pollOf(view)?.renew(Number.POSITIVE_INFINITY);
    }
  }

  #pollOf(view: View): Poll | undefined {
    return [...this.#polls].find(({ views }) => views.has(view));
  }
}

function sameScope(a: Scope, b: Scope): boolean {
  return a.text === b.text && a.recurse === b.recurse;
}

/** Of the folders that hold at least two of the scopes, the deepest; of those, the one that holds the most. */
function busiestFolder(scopes: readonly Scope[]): string {
  const counts = new Map<string, number>();
  for (const scope of scopes) {
    for (const folder of foldersOf(scope)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  let best = { folder: '', depth: 0, count: 0 };
  for (const [folder, count] of counts) {
    const depth = folder.split('/').length;
    if (count < 2 || depth < best.depth || (depth === best.depth && count <= best.count)) continue;
    best = { folder, depth, count };
  }
  return best.folder;
}
