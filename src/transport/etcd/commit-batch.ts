import type { Commit, CommitOptions, Guard, Op, Query } from '../../core/store.js';
import { CoordinationError, type ErrorCode, isCoordinationError, printable } from '../../errors.js';
import { Company, type Footprint, footprintOf } from './footprint.js';

/** A commit that waits for company. */
export interface Waiting {
  readonly guards: readonly Guard[];
  readonly ops: readonly Op[];
  readonly otherwise: readonly Query[];
  readonly timeoutMs: number | undefined;
}

/** How commits are sent. */
export interface CommitSender {
  /** One commit, as a transaction of its own. */
  single(commit: Waiting): Promise<Commit>;
  /**
   * Several that do not concern each other, and have the same time, as one transaction. Rejects if nothing of it was
   * applied, or if unknown.
   */
  together(commits: readonly Waiting[]): Promise<readonly Commit[]>;
}

interface Member extends Waiting {
  readonly footprint: Footprint;
  resolve(commit: Commit): void;
  reject(error: unknown): void;
}

/** With the steps of each at most 64, and 64 of them, a request stays within etcd's 128 operations, levels added up. */
const maxMembers = 64;
const maxSteps = 64;
const maxMemberBytes = 4_096;
/** Requests under way at once; what comes on top waits for the first answer, and then goes together. */
const maxUnderWay = 16;

/** Refusals that can be the fault of one member alone. Nothing was applied, so each can be sent by itself. */
const onesFault: readonly ErrorCode[] = [
  'INVALID_OPTION',
  'LEASE_NOT_FOUND',
  'PERMISSION_DENIED',
  'REFUSED_BY_STORE',
  'TOO_MANY_OPS',
  'VALUE_TOO_LARGE',
];

/**
 * Sends commits that are made in the same turn of the event loop, and do not concern each other, in one request. While
 * nothing is under way, a commit goes by itself, at once. What this is for is a process with many locks, whose requests
 * would otherwise cost more than all else that it does with them.
 */
export class CommitBatch {
  readonly #sender: CommitSender;
  #waiting: Member[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(sender: CommitSender) {
    this.#sender = sender;
  }

  /**
   * Whether a commit may go in company: it is small, and has no signal of its own, which would end the others too.
   */
  static accepts({ guards, ops, otherwise }: Waiting, options: CommitOptions | undefined): boolean {
    if (options?.signal !== undefined) return false;
    if (guards.length > maxSteps || ops.length > maxSteps || otherwise.length > maxSteps) return false;
    const bytes = ops.reduce((sum, op) => sum + (op.kind === 'put' ? op.value.byteLength + op.key.length : 0), 0);
    return bytes <= maxMemberBytes && ops.some(({ kind }) => kind !== 'read');
  }

  commit(waiting: Waiting): Promise<Commit> {
    // The first after a pause has no company, and no time to lose in looking for it.
    if (this.#underWay === 0 && this.#waiting.length === 0) return this.#first(waiting);
    const footprint = footprintOf(waiting.guards, waiting.ops, waiting.otherwise);
    if (footprint === undefined) return this.#sender.single(waiting);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...waiting, footprint, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Runs when all microtasks of this turn have: then all commits of the turn are here.
      process.nextTick(() => this.#flush());
    });
  }

  async #first(waiting: Waiting): Promise<Commit> {
    this.#underWay++;
    try {
      return await this.#sender.single(waiting);
    } finally {
      this.#underWay--;
      this.#flush();
    }
  }

  #flush(): void {
    this.#scheduled = false;
    while (this.#waiting.length > 0 && this.#underWay < maxUnderWay) this.#send(this.#takeCompany());
  }

  /** The first that waits, and those after it that can go with it. Commits that nobody has awaited have no order. */
  #takeCompany(): readonly Member[] {
    const company = new Company();
    const timeoutMs = this.#waiting[0]?.timeoutMs;
    const members: Member[] = [];
    const others: Member[] = [];
    for (const one of this.#waiting) {
      const fits = members.length < maxMembers && one.timeoutMs === timeoutMs;
      if (fits && company.admit(one.footprint)) members.push(one);
      else others.push(one);
    }
    this.#waiting = others;
    return members;
  }

  #send(members: readonly Member[]): void {
    this.#underWay++;
    const [first] = members;
    const sent = members.length === 1 && first ? this.#alone(first) : this.#together(members);
    void sent.finally(() => {
      this.#underWay--;
      this.#flush();
    });
  }

  #alone(member: Member): Promise<void> {
    return this.#sender.single(member).then(member.resolve, member.reject);
  }

  async #together(members: readonly Member[]): Promise<void> {
    try {
      const commits = await this.#sender.together(members);
      for (const [at, member] of members.entries()) member.resolve(commits[at] as Commit);
    } catch (error) {
      if (isCoordinationError(error) && onesFault.includes(error.code)) {
        await Promise.all(members.map((member) => this.#alone(member)));
      } else {
        for (const member of members) member.reject(about(member, error));
      }
    }
  }
}

/** The error of a request of many, as that of one of them. */
function about({ footprint }: Member, error: unknown): unknown {
  const key = footprint.keys[0];
  if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') || key === undefined) return error;
  const sentence = `It cannot be told whether the commit of "${printable(key)}" was applied.`;
  return new CoordinationError('UNKNOWN_OUTCOME', sentence, { key, cause: error });
}
