import type { Candidate, Current, CurrentSetup } from './config-current.js';
import type { FileContent } from './config-file.js';
import {
  type ConfigIssue,
  type ConfigRejection,
  invalidConfig,
  Judge,
  keyIssue,
  settled,
  type Verdict,
} from './config-judge.js';
import { shared } from './config-value.js';
import type { ConfigSource } from './config-version.js';

/** What an {@link Admission} needs of its cache. */
export interface AdmissionSetup<T> extends CurrentSetup<T> {
  readonly current: Current<T>;
}

/** Decides whether what the layers say becomes current, and tells of what is refused. */
export class Admission<T> {
  readonly #setup: AdmissionSetup<T>;
  readonly #judge: Judge;
  /** What the schema refused last, for as long as it stays refused. */
  #refused: unknown;
  #emptyIsFine = false;

  constructor(setup: AdmissionSetup<T>) {
    this.#setup = setup;
    this.#judge = new Judge(setup.plan.schema, setup.secrets);
  }

  /** From now on an empty store is taken at its word: there is nothing from before. */
  acceptEmpty(): void {
    this.#emptyIsFine = true;
  }

  /** What the stack says now is to become current, if it may. */
  submit(): void {
    const { stack, standing, current, plan } = this.#setup;
    const { size, unreadable } = stack;
    const revision = standing.seen;
    if (size === 0 && plan.keepsOnEmpty && this.#isLoss) {
      this.#refuse('empty', [], revision);
      return;
    }
    if (unreadable !== undefined) {
      const path = stack.layers.find((layer) => layer.leaf(unreadable) !== undefined)?.pathOf(unreadable);
      const issue = keyIssue(path ?? [], 'it cannot be read in the format of the configuration');
      this.#refuse('unreadable', [issue], revision);
      return;
    }
    const source: ConfigSource = size === 0 ? 'defaults' : 'store';
    if (plan.schema === undefined && current.accepted?.source === 'store' && !current.isHeard) {
      current.acceptLazily({ revision, size, source });
      return;
    }
    const candidate = { revision, raw: stack.merged(), stored: stack.stored, size, source };
    if (this.#isKnown(candidate)) return;
    standing.judging(true);
    this.#judge.submit(candidate.raw, (verdict) => this.#decide(candidate, verdict));
  }

  /** Puts in place what does not come from the store, if nothing has by now. */
  async adopt(content: FileContent | undefined): Promise<boolean> {
    const { stack, standing, current, plan, secrets, announcer } = this.#setup;
    const stored = stack.layers.map((_, n) => shared(content?.layers[n], undefined));
    const raw = stack.merged(stored);
    const verdict = await new Promise<Verdict>((decide) => new Judge(plan.schema, secrets).submit(raw, decide));
    if (current.accepted !== undefined || standing.closed) return true;
    const settledOne = settled(verdict, undefined, raw);
    if ('issues' in settledOne) {
      const why =
        content === undefined ? 'the object layers alone are not enough' : 'what the snapshot file holds is not';
      announcer.events.emitSafe('error', invalidConfig(plan.path, why, settledOne.issues));
      return false;
    }
    if (stack.size === 0) for (const [n, layer] of stack.layers.entries()) layer.seed(stored[n]);
    const source = content === undefined ? 'defaults' : 'snapshot';
    standing.restored(content?.savedMs);
    const size = content === undefined ? 0 : 1;
    const candidate: Candidate = { revision: content?.revision ?? 0n, raw, stored, size, source };
    // What the store says stays refused.
    this.#accept(candidate, settledOne.value, standing.rejection);
    return true;
  }

  /** Whether there was something before, as far as is known, so that an empty store has lost it. */
  get #isLoss(): boolean {
    const { current, file } = this.#setup;
    return current.accepted === undefined ? file !== undefined && !this.#emptyIsFine : current.accepted.size > 0;
  }

  /** Nothing but the revision is new: what was decided about it stands. */
  #isKnown(candidate: Candidate): boolean {
    const { standing, current, announcer } = this.#setup;
    const { accepted: last } = current;
    const { rejection } = standing;
    if (rejection?.reason === 'schema' && Object.is(this.#refused, candidate.raw)) {
      this.#overtake();
      standing.judged(Object.freeze({ ...rejection, revision: candidate.revision }));
      announcer.decided();
      return true;
    }
    if (last === undefined || last.source !== candidate.source || !Object.is(last.raw, candidate.raw)) return false;
    this.#overtake();
    this.#accept(candidate, current.value);
    return true;
  }

  /** What is being judged does not count any more. */
  #overtake(): void {
    this.#judge.overtake();
    this.#setup.standing.judging(false);
  }

  #decide(candidate: Candidate, verdict: Verdict): void {
    const { standing, current } = this.#setup;
    if (standing.closed) return;
    standing.judging(this.#judge.busy);
    const settledOne = settled(verdict, current.value, candidate.raw);
    if ('issues' in settledOne) {
      this.#refused = candidate.raw;
      this.#refuse('schema', settledOne.issues, candidate.revision);
    } else {
      this.#accept(candidate, settledOne.value);
    }
  }

  #accept(candidate: Candidate, value: unknown, rejection?: ConfigRejection): void {
    if (rejection === undefined) this.#refused = undefined;
    this.#setup.current.accept(candidate, value, rejection);
  }

  #refuse(reason: ConfigRejection['reason'], issues: readonly ConfigIssue[], revision: bigint): void {
    const { standing, current, announcer, clock } = this.#setup;
    if (reason !== 'schema') this.#overtake();
    const last = standing.rejection;
    if (last?.reason !== reason || last.revision !== revision) {
      const rejection = Object.freeze({ reason, revision, issues, atMs: Math.round(clock.wall()) });
      standing.judged(rejection);
      standing.update();
      announcer.refused(rejection);
    }
    const { rejection } = standing;
    if (current.accepted === undefined && rejection !== undefined) announcer.first({ refused: rejection });
    announcer.decided();
  }
}
