import type { SchemaIssue, SchemaResult, StandardSchema } from '../core/standard-schema.js';
import { issuePath } from '../core/standard-schema.js';
import { CoordinationError, printable } from '../errors.js';
import type { Secrets } from './config-secrets.js';
import { type ConfigPath, shared } from './config-value.js';

/** One thing that is wrong with a configuration. */
export interface ConfigIssue {
  /** Where, as `db.pool`; empty for the whole. */
  readonly key: string;
  /** As the schema says it; `[redacted]` where that could show a secret. */
  readonly message: string;
}

/** Why a configuration that the store holds is not the current one. */
export interface ConfigRejection {
  /** `schema`: it is not what the schema wants. `unreadable`: its text is not in the format. `empty`: there is no key. */
  readonly reason: 'schema' | 'unreadable' | 'empty';
  readonly revision: bigint;
  readonly issues: readonly ConfigIssue[];
  /** When it was refused, by the wall clock, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What a schema says of a value. */
export type Verdict = { readonly value: unknown } | { readonly issues: readonly ConfigIssue[] };

/** Asks the schema. Sync where the schema is. */
export function judge(
  schema: StandardSchema | undefined,
  value: unknown,
  secrets: Secrets,
): Verdict | Promise<Verdict> {
  if (schema === undefined) return { value };
  const threw = (): Verdict => ({ issues: [{ key: '', message: 'the schema threw' }] });
  const verdict = (result: SchemaResult<unknown>): Verdict => {
    if (result.issues === undefined) return { value: result.value };
    return { issues: Object.freeze(result.issues.map((issue) => told(issue, secrets))) };
  };
  try {
    const result = schema['~standard'].validate(value);
    return 'then' in result ? Promise.resolve(result).then(verdict).catch(threw) : verdict(result);
  } catch {
    return threw();
  }
}

function told(issue: SchemaIssue, secrets: Secrets): ConfigIssue {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  const message = secrets.touches(path) ? '[redacted]' : printable(issue.message);
  return Object.freeze({ key: printable(issuePath(issue)), message });
}

/** The frozen form of what a schema made of `raw`; undefined where it cannot be copied, as what contains itself. */
export function settled(verdict: Verdict, before: unknown, raw: unknown): Verdict {
  if ('issues' in verdict) return verdict;
  try {
    return { value: shared(verdict.value, before, raw) };
  } catch {
    return { issues: [{ key: '', message: 'the value nests too deeply' }] };
  }
}

/** The error of a configuration that was not accepted. Names places, never values. */
export function invalidConfig(path: string, why: string, issues: readonly ConfigIssue[]): CoordinationError {
  const places = issues.slice(0, 5).map(({ key }) => `"${key}"`);
  const where = places.length === 0 ? '' : `, at ${places.join(', ')}`;
  const sentence = `The configuration of "${printable(path)}" is not valid: ${why}${where}.`;
  return new CoordinationError('INVALID_CONFIG', sentence, { key: path, cause: issues });
}

/** What came of one candidate, in the order in which candidates came. */
interface Waiting {
  readonly value: unknown;
  readonly decide: (verdict: Verdict) => void;
}

/** As many asynchronous validations go on at once; of what comes meanwhile, only the newest is kept. */
const mostAtOnce = 2;

/**
 * Has candidates judged, of which a newer one outdoes all that came before it: an older one that is decided later is
 * dropped. With a schema that answers at once, so does this.
 */
export class Judge {
  readonly #schema: StandardSchema | undefined;
  readonly #secrets: Secrets;
  #came = 0;
  #decided = 0;
  #running = 0;
  #waiting: Waiting | undefined;

  constructor(schema: StandardSchema | undefined, secrets: Secrets) {
    this.#schema = schema;
    this.#secrets = secrets;
  }

  /** Whether something newer than what was decided last is being judged. */
  get busy(): boolean {
    return this.#waiting !== undefined || this.#decided < this.#came;
  }

  /** Calls `decide` with what the schema says, unless something newer was decided before. */
  submit(value: unknown, decide: (verdict: Verdict) => void): void {
    if (this.#running >= mostAtOnce) {
      this.#waiting = { value, decide };
      return;
    }
    const turn = ++this.#came;
    const verdict = judge(this.#schema, value, this.#secrets);
    if (!(verdict instanceof Promise)) {
      this.#decide(turn, verdict, decide);
      return;
    }
    this.#running++;
    void verdict.then((late) => {
      this.#running--;
      this.#decide(turn, late, decide);
      const next = this.#waiting;
      this.#waiting = undefined;
      if (next !== undefined) this.submit(next.value, next.decide);
    });
  }

  /** Something was decided without the schema: what was asked before does not count any more. */
  overtake(): void {
    this.#decided = ++this.#came;
    this.#waiting = undefined;
  }

  #decide(turn: number, verdict: Verdict, decide: (verdict: Verdict) => void): void {
    if (turn < this.#decided) return;
    this.#decided = turn;
    decide(verdict);
  }
}

/** What an issue's place is called where a key of the store is meant. */
export function keyIssue(path: ConfigPath, message: string): ConfigIssue {
  return { key: printable(path.join('.')), message };
}
