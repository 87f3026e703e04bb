import { CoordinationError, printable } from '../errors.js';
import { SafeEmitter } from './emitter.js';
import type { LeasedKeyState } from './leased-key.js';

/**
 * What is known of a key that is kept in the store. `absent`: not started, or not in the store yet. `present`: there,
 * since the revision `incarnation`. `lost`: it was there, and comes back as soon as that can be; `reason` tells what became
 * of it, or what is in the way: `SESSION_LOST`, `TICKET_LOST`, `MEMBER_EXISTS` where somebody else has the key now, or
 * what the store says. `ended`: given up by its owner (`RELEASED`), or for good by itself.
 */
export type PresenceState = LeasedKeyState;

export interface PresenceEvents {
  /** Every change of state. */
  readonly state: PresenceState;
  /** What a listener threw. */
  readonly error: unknown;
}

/** What the owner of a leased key sees of it: its state, and a signal for each of its incarnations. */
export class Presence {
  readonly events = new SafeEmitter<PresenceEvents>();
  readonly #key: string;
  #state: PresenceState = { kind: 'absent' };
  #now: { readonly incarnation: bigint; readonly controller: AbortController } | undefined;
  #last: bigint | undefined;

  constructor(key: string) {
    this.#key = key;
  }

  get state(): PresenceState {
    return this.#state;
  }

  /** Undefined while it is not there. */
  get incarnation(): bigint | undefined {
    return this.#now?.incarnation;
  }

  /** The present incarnation, or else the last one. */
  get lastIncarnation(): bigint | undefined {
    return this.#last;
  }

  /** Aborts when the present incarnation is over; while there is none, one that is aborted. */
  get signal(): AbortSignal {
    return this.#now?.controller.signal ?? AbortSignal.abort(this.#reason());
  }

  /** For {@link LeasedKeyParts.changed}. */
  readonly changed = (state: PresenceState): void => {
    const before = this.#now;
    const incarnation = state.kind === 'present' ? state.incarnation : undefined;
    this.#state = state;
    if (before?.incarnation !== incarnation) {
      this.#now = incarnation === undefined ? undefined : { incarnation, controller: new AbortController() };
      this.#last = incarnation ?? this.#last;
      before?.controller.abort(this.#reason());
    }
    this.events.emitSafe('state', state);
  };

  #reason(): CoordinationError {
    const state = this.#state;
    if (state.kind === 'lost' || state.kind === 'ended') return state.reason;
    const sentence = `This incarnation of "${printable(this.#key)}" is not in the store.`;
    return new CoordinationError('TICKET_LOST', sentence, { key: this.#key });
  }
}

/** What if a key is somebody else's when it is started. */
export interface TakenChoice {
  /**
   * What if the key is somebody else's: `reject` with `MEMBER_EXISTS`, or `wait` for it to go, as after a crash, when what
   * was left behind goes with its lease. Default `reject`.
   */
  readonly onTaken?: 'reject' | 'wait' | undefined;
}

/** Refuses anything else with `INVALID_OPTION`. */
export function checkTaken({ onTaken = 'reject' }: TakenChoice): 'reject' | 'wait' {
  if (onTaken === 'reject' || onTaken === 'wait') return onTaken;
  throw new CoordinationError('INVALID_OPTION', 'onTaken must be "reject" or "wait".', { field: 'onTaken' });
}
