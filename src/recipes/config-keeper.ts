import { closedError } from '../core/checks.js';
import type { Cancel } from '../core/clock.js';
import type { ClientContext } from '../core/context.js';
import { isCoordinationError } from '../errors.js';
import { Admission } from './config-admission.js';
import { Announcer, type First } from './config-announcer.js';
import { Current } from './config-current.js';
import { type Fed, Feed } from './config-feed.js';
import { type FileContent, SnapshotFile } from './config-file.js';
import type { Format } from './config-format.js';
import type { Plan } from './config-options.js';
import { Secrets } from './config-secrets.js';
import { Stack } from './config-stack.js';
import { Standing } from './config-standing.js';

/** A burst that goes on is told of after this many times `debounceMs`. */
const longestBurst = 10;

/** Keeps the current value: follows the store, has what it says judged, and tells those who read. */
export class Keeper<T> {
  readonly announcer: Announcer<T>;
  readonly secrets: Secrets;
  readonly stack: Stack;
  readonly file: SnapshotFile | undefined;
  readonly standing: Standing<T>;
  readonly current: Current<T>;
  readonly #plan: Plan<T>;
  readonly #client: ClientContext;
  readonly #feed: Feed;
  readonly #admission: Admission<T>;
  /** Another cluster may say something else at the same revision. */
  #distrusts = false;
  #burst: { readonly sinceMs: number; readonly cancel: Cancel } | undefined;
  #closing: Promise<void> | undefined;

  constructor(client: ClientContext, plan: Plan<T>, format: Format) {
    const { strata, shape, path } = plan;
    this.#client = client;
    this.#plan = plan;
    this.announcer = new Announcer(path, plan.recentSize);
    this.secrets = new Secrets(plan.secrets);
    this.stack = new Stack(strata, format, shape === 'node');
    if (plan.onError !== undefined) this.announcer.events.on('error', plan.onError);
    this.file = this.#snapshotFile();
    this.#feed = new Feed(client, this.stack.layers, {
      fed: (fed) => this.#fed(fed),
      failed: (error) => this.#lost(error, true),
      closed: () => void this.close(),
    });
    this.standing = new Standing(client, plan, this.announcer.events, {
      stale: (error) => this.#lost(error, false),
      answers: () => this.#feed.start(),
    });
    const { announcer, secrets, stack, file, standing } = this;
    const setup = { clock: client.clock, plan, stack, secrets, announcer, standing, file };
    this.current = new Current(setup);
    this.#admission = new Admission({ ...setup, current: this.current });
  }

  get closed(): boolean {
    return this.standing.closed;
  }

  /** Follows the store. `told` hears how the first look at it ends, and then each until one is accepted. */
  start(told: (first: First) => void): void {
    this.announcer.onFirst(told);
    this.#feed.start();
  }

  /** Looks at all that the store holds, anew. */
  refresh(): void {
    this.#feed.start();
  }

  /** An empty store is taken at its word: there is nothing from before. */
  acceptEmpty(): void {
    this.#admission.acceptEmpty();
    this.#flush();
  }

  /** Puts in place what does not come from the store, if nothing has by now. */
  async adopt(content: FileContent | undefined): Promise<boolean> {
    return await this.#admission.adopt(content);
  }

  /** Ends everything. What is current stays readable. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#feed.stop();
    this.standing.close();
    this.#burst?.cancel();
    void this.current.value;
    // Before anybody is told: nothing may be told after.
    await Promise.resolve();
    this.standing.update();
    this.announcer.first({ error: closedError('configuration') });
    this.announcer.end();
    await this.file?.close();
  }

  #snapshotFile(): SnapshotFile | undefined {
    const { snapshotFile, shape } = this.#plan;
    if (snapshotFile === undefined) return undefined;
    const subject = { paths: this.stack.layers.map((layer) => layer.path), shape };
    return new SnapshotFile(snapshotFile, subject, this.#client, (error) =>
      this.announcer.events.emitSafe('error', error),
    );
  }

  #fed(fed: Fed): void {
    if (this.closed) return;
    const { standing, current } = this;
    const back = fed.revision < standing.seen;
    if (back) this.announcer.events.emitSafe('reset', { from: standing.seen, to: fed.revision });
    standing.heard(fed.revision, fed.whole);
    current.makeBefore(fed);
    const changed = this.stack.apply(fed, back || this.#distrusts);
    if (fed.whole) this.#distrusts = false;
    current.moved(changed, back);
    if (changed > 0 && this.#plan.debounceMs > 0 && current.accepted?.source === 'store') this.#debounce();
    else if (this.#burst === undefined) this.#flush();
    standing.update();
  }

  #debounce(): void {
    const { clock } = this.#client;
    const { debounceMs } = this.#plan;
    const sinceMs = this.#burst?.sinceMs ?? clock.now();
    this.#burst?.cancel();
    const leftMs = Math.min(debounceMs, sinceMs + longestBurst * debounceMs - clock.now());
    this.#burst = { sinceMs, cancel: clock.after(leftMs, () => this.#flush()) };
  }

  /** Ends the burst, if there is one. */
  #flush(): void {
    this.#burst?.cancel();
    this.#burst = undefined;
    if (this.closed) return;
    this.#admission.submit();
    this.standing.update();
  }

  #lost(error: unknown, ended: boolean): void {
    if (this.closed) return;
    this.#distrusts ||=
      isCoordinationError(error, 'CLUSTER_CHANGED') || isCoordinationError(error, 'REVISION_REGRESSED');
    this.standing.lost(error);
    if (ended && this.current.accepted === undefined) this.announcer.first({ error });
  }
}
