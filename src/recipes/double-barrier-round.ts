import { invalidOption, isInteger } from '../core/checks.js';
import { decodeJsonObject, encodeText } from '../core/codec.js';
import type { Ticket } from '../core/key-watch.js';
import { compareKeys } from '../core/keys.js';
import { absent, type Entry, type Guard, type Op, put, type StoreTraits, unchanged } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';

/** A round of a double barrier as the store keeps it, under `<path>/round`. */
export interface Round {
  /** Counts the rounds, from 1. */
  readonly round: number;
  /** How many have to be in. */
  readonly count: number;
  /** Whose tickets they were, once so many were in. Until then the round is filling. */
  readonly members: readonly string[] | undefined;
}

/** All that the store has of a double barrier, at one revision. */
export interface Situation {
  /** Undefined before the very first round. */
  readonly round: Round | undefined;
  /** When the key of the round was last written. */
  readonly modified: bigint | undefined;
  /** The tickets of this round, from the oldest. */
  readonly tickets: readonly Entry[];
}

/** A place in a round that is full. */
export interface Admission {
  readonly ticket: Ticket;
  readonly round: Round;
}

/** The keys of one double barrier. */
export class RoundKeys {
  readonly path: string;
  readonly round: string;

  constructor(path: string) {
    this.path = path;
    this.round = `${path}/round`;
  }

  /** What the tickets of a round lie under, without the final `/`. */
  ticketsOf(round: number): string {
    return `${this.path}/${round}`;
  }

  /** Sorts out what was found under the path. Throws `CORRUPT_DATA`. */
  situation(entries: readonly Entry[]): Situation {
    const entry = entries.find(({ key }) => key === this.round);
    if (entry === undefined) return { round: undefined, modified: undefined, tickets: [] };
    const round = roundOf(entry);
    const prefix = `${this.ticketsOf(round.round)}/`;
    // What has no lease is no member, and would never be seen to die.
    const tickets = entries.filter(({ key, lease }) => lease !== undefined && key.startsWith(prefix)).sort(byAge);
    return { round, modified: entry.modified, tickets };
  }

  /** That nobody has written the round since. */
  guard({ modified }: Pick<Situation, 'modified'>): Guard {
    return modified === undefined ? absent(this.round) : unchanged(this.round, modified);
  }

  write({ round, count, members }: Round): Op {
    return put(this.round, encodeText(JSON.stringify({ round, count, members })));
  }
}

/** The place of this ticket in the round, where that is full and this is among its members. */
export function admissionOf({ round, tickets }: Situation, key: string): Admission | undefined {
  if (round?.members?.includes(key) !== true) return undefined;
  const ticket = tickets.find((entry) => entry.key === key);
  return ticket && { ticket, round };
}

/** The error of one that comes when as many as are needed are in already. */
export function tooManyError(path: string, count: number): CoordinationError {
  const sentence = `The double barrier "${printable(path)}" has its ${count} members already.`;
  return new CoordinationError('TOO_MANY_MEMBERS', sentence, { key: path });
}

function byAge(a: Entry, b: Entry): number {
  if (a.created === b.created) return compareKeys(a.key, b.key);
  return a.created < b.created ? -1 : 1;
}

function roundOf({ key, value }: Entry): Round {
  const { round, count, members } = decodeJsonObject(value) ?? {};
  const isList = Array.isArray(members) && members.every((member) => typeof member === 'string');
  if (isInteger(round, 1) && isInteger(count, 1) && (members === undefined || isList)) {
    return { round, count, members: isList ? members : undefined };
  }
  throw new CoordinationError('CORRUPT_DATA', `"${printable(key)}" does not hold the round of a double barrier.`, {
    key,
  });
}

/** What the commit that declares a round full needs beside a guard for each member, and some room. */
const spareOps = 4;

/**
 * Refuses what cannot be the number of members, with `INVALID_OPTION`: the store has to check each of them in the one
 * commit that lets them pass.
 */
export function checkMembers(count: unknown, { maxOps, name }: StoreTraits): asserts count is number {
  const most = maxOps - spareOps;
  if (isInteger(count, 1, most)) return;
  const sentence = `count must be an integer from 1 to ${most} on ${name}, got ${printable(count)}.`;
  throw invalidOption('count', sentence, 'out-of-range');
}
