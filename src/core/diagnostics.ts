/**
 * What goes on inside, as typed events on `node:diagnostics_channel`, for metrics and traces. An event is made only where
 * somebody listens: without subscribers it costs one look at a flag, and an acquisition one at the clock. `docs/observability.md` describes each. No event
 * carries a value, only names and numbers.
 */
import { channel } from 'node:diagnostics_channel';
import type { LeaseId } from './store.js';

/** What each channel carries. The name of a channel is `coterie:` and the name here. */
export interface DiagnosticEvents {
  /** Somebody begins to acquire something. */
  readonly acquire: { readonly path: string };
  /** A ticket in line has somebody ahead that it has to wait for. */
  readonly wait: { readonly path: string; readonly key: string; readonly blocker: string };
  /** A ticket is served: something is held from now on. */
  readonly hold: {
    readonly path: string;
    readonly key: string;
    readonly token: bigint;
    readonly lease: LeaseId;
    /** From the beginning of the acquisition, in milliseconds. */
    readonly waitedMs: number;
  };
  /** Something held was lost. `code` says why. */
  readonly lost: { readonly key: string; readonly token: bigint; readonly code: string; readonly heldMs: number };
  /** Something held was given back; `stillHeld` is false where it was not, or no longer, one's own. */
  readonly release: {
    readonly key: string;
    readonly token: bigint;
    readonly stillHeld: boolean;
    readonly heldMs: number;
  };
  /** A candidate stands in an election. */
  readonly campaign: { readonly path: string };
  /** A commit has ended. */
  readonly commit: {
    /** As in the store's traits. */
    readonly store: string;
    readonly guards: number;
    readonly ops: number;
    /** `applied`, `refused`, or the code of its error; `aborted` where the caller ended it. */
    readonly outcome: string;
    readonly durationMs: number;
  };
  /** A watch shows its range anew, since it could not tell the changes one by one. */
  readonly resync: { readonly range: string; readonly revision: bigint; readonly entries: number };
  /** A configuration has changed. */
  readonly config: { readonly path: string; readonly revision: bigint; readonly changedKeys: number };
  /** A configuration in the store was not accepted; the last good one stays. */
  readonly rejection: {
    readonly path: string;
    readonly revision: bigint;
    readonly key: string;
    readonly issues: number;
  };
}

/** One channel, typed. */
export interface DiagnosticChannel<Event> {
  /** Look here first, so that no event is made in vain. */
  readonly hasSubscribers: boolean;
  publish(event: Event): void;
}

type Channels = { readonly [Name in keyof DiagnosticEvents]: DiagnosticChannel<DiagnosticEvents[Name]> };

/** The channels, by name. */
export const diagnostics: Channels = {
  acquire: channel('coterie:acquire'),
  wait: channel('coterie:wait'),
  hold: channel('coterie:hold'),
  lost: channel('coterie:lost'),
  release: channel('coterie:release'),
  campaign: channel('coterie:campaign'),
  commit: channel('coterie:commit'),
  resync: channel('coterie:resync'),
  config: channel('coterie:config'),
  rejection: channel('coterie:rejection'),
};
