/**
 * One step of a program. Revisions and leases are said in relation to the store, so that a step keeps its meaning when
 * the steps before it are taken away, and whatever the store has been through before the program.
 */
import type { CallName } from './calls.js';

/** A value that is known when the step is played. */
export class Mark {
  readonly of: 'now' | 'base' | 'lease' | 'created' | 'modified' | 'version' | 'value' | 'leaseOf';
  /** How far from there; for `lease`: the how many-th of those granted, from the newest. */
  readonly by: number;
  /** The key that is asked about, where the mark is about one. */
  readonly key: string;

  constructor(of: Mark['of'], by = 0, key = '') {
    this.of = of;
    this.by = by;
    this.key = key;
  }
}

/** So many bytes, each the same. */
export class Bulk {
  readonly bytes: number;
  readonly fill: string;

  constructor(bytes: number, fill: string) {
    this.bytes = bytes;
    this.fill = fill;
  }
}

/** A string is bytes, one for each character; a bigint an int64; a number an enum. */
export type Value = string | number | bigint | boolean | Mark | Bulk | Fields | readonly Value[];
export interface Fields {
  readonly [field: string]: Value;
}

export type Step =
  | { readonly kind: 'call'; readonly call: CallName; readonly request: Fields }
  | { readonly kind: 'keep-alive'; readonly request: Fields }
  | { readonly kind: 'watch'; readonly stream: number; readonly request: Fields }
  | { readonly kind: 'cancel'; readonly stream: number; readonly id: bigint }
  | { readonly kind: 'progress'; readonly stream: number }
  | { readonly kind: 'close'; readonly stream: number }
  /** Waits until every watch has seen everything, and compares what they saw. */
  | { readonly kind: 'sync' };

/** Whether a step changes nothing that another one could notice, so that several of them can be under way at once. */
export function isRead(step: Step): boolean {
  if (step.kind !== 'call') return false;
  return step.call === 'range' || step.call === 'timeToLive' || step.call === 'leases';
}
