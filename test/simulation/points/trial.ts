import { type Client, isCoordinationError } from 'coterie';
import {
  type Harm,
  type Limits,
  type PersonalityName,
  type PointOutcome,
  type SimulatedNode,
  type SimulatedWorld,
  type Trial,
  Violation,
} from 'coterie/testing';

/** One public operation, what surrounds it, and what has to be so afterwards whatever is done to it. */
export interface PointTrial {
  /** The recipe, the operation, and what is there before: `mutex/acquire, busy`. */
  readonly name: string;
  /** The public operations that it is about, as `Mutex.acquire`. */
  readonly of: readonly string[];
  readonly trial: Trial;
  /** On which stores it can be tried. Default: both. */
  readonly stores?: readonly PersonalityName[];
  /** What can be done to it. Default: everything. */
  readonly harms?: readonly Harm[];
}

/** An operation of a client, under the limits of one who harms it. */
export type Operation<T> = (client: Client, limits: Limits) => Promise<T>;

/** What a client does by itself, that nobody harms. */
export type Deed = (client: Client) => Promise<unknown>;

const nothing: Deed = () => Promise.resolve();

/** How long anything takes at most that has nothing to wait for any more: two lives of a lease on Consul, and some more. */
export const boundMs = 60_000;

/** How long a commit may be under way that its caller has given up on. */
const lateMs = 15_000;

/** Throws `P2` unless what was reported is true. */
export function isTrue(condition: boolean, sentence: string): void {
  if (!condition) throw new Violation('P2', sentence);
}

/** Whether an operation has said that it cannot tell, or was not asked to the end. */
function isUnclear(ended: PointOutcome<unknown>): boolean {
  if (!('error' in ended)) return false;
  return !isCoordinationError(ended.error) || ['UNKNOWN_OUTCOME', 'TIMEOUT'].includes(ended.error.code);
}

/** Another process does something that it has to be able to do now. Throws `P3` where it is not. */
export async function goesOn(
  world: SimulatedWorld,
  what: string,
  deed: (client: Client) => Promise<unknown>,
): Promise<void> {
  try {
    await deed(world.node().client);
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation('P3', `another process cannot go on, ${what}: ${String(error)}`);
  }
}

/** Does something after so many milliseconds. What goes wrong there ends the run. */
export function later(world: SimulatedWorld, node: SimulatedNode, ms: number, deed: Deed): void {
  world.start(
    node,
    'rival',
    world.sleep(ms).then(() => deed(node.client)),
  );
}

/** Goes on with something that has no end for so many milliseconds, and no longer than its caller wants it. */
export async function forAWhile(
  world: SimulatedWorld,
  { signal }: Limits,
  ms: number,
  run: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const over = new Error('That was long enough.');
  const own = new AbortController();
  const end = (): void => own.abort(signal.reason);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const cancel = world.after(ms, () => own.abort(over));
  try {
    await run(own.signal);
  } catch (error) {
    if (error !== over) throw error;
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
  }
}

/** The first so many of what comes, one after the other. */
export async function firstOf<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) {
    found.push(one);
    if (found.length === count) break;
  }
  return found;
}

/** What a trial of something that is written is made of. */
export interface WriteTrial<T> extends Omit<PointTrial, 'trial'> {
  /** What there is before, by the same client. */
  readonly before?: Deed;
  /** What another process does meanwhile. */
  readonly rival?: Deed;
  readonly operation: Operation<T>;
  /** Whether what was wanted is the case now, as another process sees it. Throws where it is half so. */
  readonly done: (client: Client) => Promise<boolean>;
  /** What the operation may resolve to, where nothing but it has happened. Default: anything. */
  readonly right?: (value: T) => boolean;
}

/** A write: when it says that it is done, it is; when it says why it is not, it is not; else it is wholly so or not at all. */
export function write<T>({ before = nothing, rival, operation, done, right, ...about }: WriteTrial<T>): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const node = world.node();
    // biome-ignore lint/nursery/useAwaitThenable: it is a promise, which the rule does not see through a type of a type.
    await before(node.client);
    if (rival !== undefined) later(world, world.node(), 2, rival);
    const ended = await attempt(node, (limits) => operation(node.client, limits));
    await world.sleep(lateMs);
    await goesOn(world, `after ${about.name}`, async (client) => {
      const isDone = await done(client);
      if ('value' in ended) {
        isTrue(right?.(ended.value) ?? true, `it resolved to ${String(ended.value)}`);
        isTrue(isDone, 'it said that it was done, and it is not');
      } else isTrue(!isDone || isUnclear(ended), `it said that it was not done (${String(ended.error)}), and it is`);
    });
  };
  return { ...about, trial };
}

/** What a trial of a question is made of. */
export interface ReadTrial<T> extends Omit<PointTrial, 'trial'> {
  /** What there is before, by another client. */
  readonly before?: Deed;
  readonly operation: Operation<T>;
  readonly right: (value: T) => boolean;
}

/** A question: an answer is right, and nothing has changed by it. */
export function ask<T>({ before = nothing, operation, right, ...about }: ReadTrial<T>): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    // biome-ignore lint/nursery/useAwaitThenable: it is a promise, which the rule does not see through a type of a type.
    await before(other.client);
    // Those who write have something to put away after that.
    await world.sleep(5_000);
    const revisions = world.truth.log.length;
    const ended = await attempt(node, (limits) => operation(node.client, limits));
    if ('value' in ended) isTrue(right(ended.value), 'what it resolved to is not so');
    const written = world.truth.log.slice(revisions).flatMap(({ changes }) => changes.map(({ key }) => key));
    isTrue(written.length === 0, `it was a question, and has written ${written.join(', ')}`);
  };
  return { ...about, trial };
}
