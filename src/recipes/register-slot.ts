import type { Cancel, Clock } from '../core/clock.js';
import { decodeText } from '../core/codec.js';
import type { Session } from '../core/session.js';
import { absent, type Entry, type Guard, type Op, put, unchanged } from '../core/store.js';

/** A slot that was not written for this long is taken away; the next change makes a new one. In milliseconds. */
const idleMs = 1_000;

/**
 * Where a register notes its changes: a key of its own, on its session's lease. Each change writes the slot in the same
 * commit, and demands that it is as the last change has left it. So a change that is sent again can be applied only once,
 * and whether it was can be read off the slot, however many others have written to the register since.
 */
export class Slot {
  readonly session: Session;
  readonly key: string;
  /** As the last change has left it; undefined before the first one. */
  #modified: bigint | undefined;
  #names = 0;
  /** An attempt to make the slot may still be under way. Without the slot, it would be applied. */
  #unsure = false;
  #gone = false;
  #cancelIdle: Cancel | undefined;
  readonly #sessionEnded = (): void => this.#end();

  constructor(session: Session, path: string) {
    this.session = session;
    this.key = session.names.takeTicket(path);
    session.onEnd(this.#sessionEnded);
  }

  /** Not to be used any more: taken away, or gone with its session. */
  get gone(): boolean {
    return this.#gone;
  }

  /** A name that no other attempt of this slot has. */
  nextName(): string {
    this.#cancelIdle?.();
    return `${++this.#names}`;
  }

  /** That nothing was noted since the last change. */
  guard(): Guard {
    return this.#modified === undefined ? absent(this.key) : unchanged(this.key, this.#modified);
  }

  note(name: string): Op {
    return put(this.key, name, this.session.lease);
  }

  /** The name that was noted last, if that is news; `lost` where the note of before is not there any more. */
  look(entry: Entry | undefined): { readonly name: string } | 'lost' | undefined {
    if (entry?.modified === this.#modified) return undefined;
    return entry === undefined ? 'lost' : { name: decodeText(entry.value) };
  }

  /** A change was noted, at this revision. */
  noted(revision: bigint): void {
    this.#modified = revision;
  }

  /** An attempt under the present guard may still be applied. */
  doubt(): void {
    if (this.#modified === undefined) this.#unsure = true;
  }

  /** Nothing more to note for now. */
  rest(clock: Clock): void {
    this.#cancelIdle?.();
    if (!this.#gone && !this.#unsure) this.#cancelIdle = clock.after(idleMs, () => this.drop());
  }

  /**
   * Takes the slot away, in the background, and with it the ground of all that was to follow its last note. One that was
   * perhaps not made by its first attempt alone has to stay, and goes with its session.
   */
  drop(): void {
    if (this.#gone) return;
    this.#end();
    if (this.#modified !== undefined && !this.#unsure) void this.session.cleanUp(this.key, false);
  }

  #end(): void {
    this.#gone = true;
    this.#cancelIdle?.();
    this.session.offEnd(this.#sessionEnded);
  }
}
