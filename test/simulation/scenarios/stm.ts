/**
 * Transactions: lists to which each one appends its own number, accounts between which money moves, and a range into which keys
 * are put, at the two serializable levels.
 *
 * T1: a transaction comes to what it would have come to alone at its revision: what it had read is what there was right
 * before, and its revision lies between its beginning and its end. T2: all that the function read was so at one revision,
 * in every attempt. T3: it is applied once where it was acknowledged, at most once where that is not known, and not at all
 * where it was refused. T4: no money is lost or made. T5: by what they read and wrote alone, without a look into the store,
 * the transactions are strictly serializable (Elle, Kingsbury and Alvaro, VLDB 2020).
 */
import { type Isolation, isCoordinationError, put, stmResult, type Transaction } from 'coterie';
import {
  type Access,
  checkSerializable,
  History,
  type SimulatedNode,
  type SimulatedWorld,
  Violation,
} from 'coterie/testing';
import { attempt, type Limits, pause } from '../lib/life.js';
import { ValuesOverTime } from '../lib/values-over-time.js';
import type { RecipeSimulation } from '../recipe.js';

const lists = ['/stm/list/0', '/stm/list/1', '/stm/list/2'] as const;
const accounts = ['/stm/bank/0', '/stm/bank/1', '/stm/bank/2'] as const;
const range = '/stm/set/';
const each = 100;

/** What one run of a transaction's function has read: keys, and the range where it read it. */
type Reads = Map<string, string | undefined>;

/** What is known of a transaction that came to its end. */
interface Done {
  readonly node: SimulatedNode;
  readonly id: string;
  readonly reads: Reads;
  readonly wrote: boolean;
  readonly revision: bigint;
  readonly beganMs: number;
  readonly endedMs: number;
}

const decoder = new TextDecoder();

/** What was read of lists, and appended, as the checker of histories has it. */
function accesses(reads: Reads, key: string, id: string, wrote: boolean): Access[] {
  const seen = [...reads].filter(([name]) => name.startsWith('/stm/list/'));
  const read = seen.map(([name, value]): Access => ({ op: 'read', key: name, value: JSON.parse(value ?? '[]') }));
  return wrote ? [...read, { op: 'append', key, value: id }] : read;
}

class Checks {
  /** One for each cluster: lists of another one begin anew. */
  readonly #histories = new Map<number, History<readonly Access[], readonly Access[]>>();
  readonly values: ValuesOverTime;
  readonly #world: SimulatedWorld;
  /** How often which number was appended, over all lists: each transaction appends to one. */
  readonly #appended = new Map<string, number>();
  readonly #times = new Map<string, number>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.values = new ValuesOverTime(world, '/stm/');
    world.truth.follow(({ revision, generation, atMs, changes }) => {
      this.#times.set(`${generation} ${revision}`, atMs);
      for (const { key, before, after } of changes) {
        if (key.startsWith('/stm/list/') && after !== undefined) this.#append(before?.value, after.value);
      }
      if (changes.some(({ key }) => key.startsWith('/stm/bank/'))) this.#checkBank();
    });
  }

  history(generation: number): History<readonly Access[], readonly Access[]> {
    const known = this.#histories.get(generation) ?? new History(this.#world.clock);
    this.#histories.set(generation, known);
    return known;
  }

  checkHistories(): void {
    for (const history of this.#histories.values()) {
      const found = checkSerializable(history.operations());
      if (found.verdict !== 'legal') throw new Violation('T5', found.describe());
    }
  }

  /** How often this number was appended. */
  count(id: string): number {
    return this.#appended.get(id) ?? 0;
  }

  checkDone({ node, id, reads, wrote, revision, beganMs, endedMs }: Done): void {
    if (wrote && this.count(id) !== 1) {
      throw new Violation('T3', `${id} was acknowledged, and applied ${this.count(id)} times`);
    }
    if (reads.size === 0 && !wrote) return;
    const atMs = this.#times.get(`${node.generation} ${revision}`) ?? 0;
    if (wrote && (atMs < beganMs || atMs > endedMs)) {
      throw new Violation('T1', `${id} was applied at ${atMs} ms, and ran from ${beganMs} to ${endedMs}`);
    }
    const before = wrote ? revision - 1n : revision;
    const wrong = this.#differs(node, reads, before);
    if (wrong !== undefined) throw new Violation('T1', `${id} had read ${wrong} at revision ${before}`);
  }

  /** All of it has to have been so at one revision. */
  checkSnapshot(node: SimulatedNode, id: string, reads: Reads): void {
    if (reads.size < 2 || node.generation !== this.#world.truth.generation) return;
    const keys = [...lists, ...accounts];
    const names = reads.has(range) ? this.values.under(node.generation, range, 1n << 60n).map(([key]) => key) : [];
    for (const revision of this.values.revisions(node.generation, [...keys, ...names]).reverse()) {
      if (this.#differs(node, reads, revision) === undefined) return;
    }
    throw new Violation('T2', `${id} saw what never was at the same time: ${JSON.stringify([...reads])}`);
  }

  #differs({ generation }: SimulatedNode, reads: Reads, revision: bigint): string | undefined {
    for (const [key, seen] of reads) {
      const there = key === range ? this.#rangeAt(generation, revision) : this.values.at(generation, key, revision);
      if (there !== seen) return `${key} as ${seen}, which was ${there}`;
    }
    return undefined;
  }

  #rangeAt(generation: number, revision: bigint): string {
    return JSON.stringify(
      this.values.under(generation, range, revision).map(([key, value]) => [key, JSON.parse(value)]),
    );
  }

  #append(before: Uint8Array | undefined, after: Uint8Array): void {
    const was = before === undefined ? [] : (JSON.parse(decoder.decode(before)) as string[]);
    const is = JSON.parse(decoder.decode(after)) as string[];
    const added = is.slice(was.length);
    for (const id of added) this.#appended.set(id, this.count(id) + 1);
    if (added.length === 1 && was.every((id, at) => is[at] === id)) return;
    this.#world.fail(new Violation('T4', `a list went from ${was.join()} to ${is.join()}`));
  }

  #checkBank(): void {
    const held = accounts.map((key) => this.#world.truth.get(key)?.value);
    if (held.includes(undefined)) return;
    const sum = held.reduce((total, value) => total + Number(decoder.decode(value)), 0);
    if (sum !== each * accounts.length) this.#world.fail(new Violation('T4', `the accounts come to ${sum}`));
  }
}

/** What a transaction does: reads some, writes some. */
async function body(tx: Transaction, node: SimulatedNode, plan: Plan, id: string, reads: Reads): Promise<boolean> {
  const get = async <T>(key: string): Promise<T | undefined> => {
    const value = await tx.get<T>(key);
    reads.set(key, value === undefined ? undefined : JSON.stringify(value));
    return value;
  };
  for (const key of plan.reads) {
    if (key === range) reads.set(range, JSON.stringify([...(await tx.range(range))]));
    else await get(key);
    await pause(node, plan.thinkMs);
  }
  if (plan.kind === 'append') tx.put(plan.key, [...((await get<string[]>(plan.key)) ?? []), id]);
  if (plan.kind === 'insert') {
    // Only while there are few: who puts without having looked would not keep to that.
    const there = reads.get(range) === undefined ? 0 : (JSON.parse(reads.get(range) ?? '[]') as unknown[]).length;
    if (there < 5) tx.put(`${range}${id}`, id);
    tx.put(plan.key, [...((await get<string[]>(plan.key)) ?? []), id]);
  }
  if (plan.kind === 'transfer') {
    const [from, to] = [await get<number>(plan.from), await get<number>(plan.to)];
    if (from === undefined || to === undefined) return false;
    tx.put(plan.from, from - plan.amount);
    tx.put(plan.to, to + plan.amount);
    tx.put(plan.key, [...((await get<string[]>(plan.key)) ?? []), id]);
  }
  return plan.kind !== 'look';
}

interface Plan {
  readonly kind: 'append' | 'insert' | 'transfer' | 'look';
  readonly reads: readonly string[];
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly thinkMs: number;
}

function drawPlan({ random, client }: SimulatedNode): Plan {
  const ranges = client.store.traits.rangeGuards;
  const kind = random.pick(['append', 'append', 'transfer', 'look', ...(ranges ? (['insert'] as const) : [])] as const);
  const keys: string[] = [...lists, ...accounts].filter(() => random.chance(0.3));
  if (ranges && (kind === 'insert' || random.chance(0.2))) keys.push(range);
  const from = random.pick(accounts);
  const to = random.pick(accounts.filter((key) => key !== from));
  return {
    kind,
    reads: keys,
    key: random.pick(lists),
    from,
    to,
    amount: random.whole(1, 9),
    thinkMs: random.pick([0, 0, 30]),
  };
}

/** What was refused for these reasons was not applied, or so it is promised. */
const unapplied: readonly string[] = ['CONFLICT', 'TIMEOUT', 'TOO_MANY_OPS', 'INVALID_VALUE', 'NO_SPACE'];

async function transact(world: SimulatedWorld, node: SimulatedNode, checks: Checks, id: string): Promise<void> {
  const plan = drawPlan(node);
  const isolation = node.random.pick<Isolation>(['serializable-snapshot', 'serializable']);
  const prefetch = plan.reads
    .filter(() => node.random.chance(0.3))
    .map((key) => (key === range ? { prefix: range } : key));
  const beganMs = world.nowMs;
  let [reads, wrote]: [Reads, boolean] = [new Map(), false];
  const run = (limits: Limits) => {
    const fn = async (tx: Transaction): Promise<void> => {
      reads = new Map();
      const mine = reads;
      try {
        wrote = await body(tx, node, plan, id, mine);
      } finally {
        checks.checkSnapshot(node, id, mine);
      }
    };
    return stmResult(node.client, fn, { isolation, prefetch, ...limits });
  };
  const process = `${node.name}/${node.life}`;
  const recording = checks
    .history(node.generation)
    .begin(process, accesses(new Map(), plan.key, id, plan.kind !== 'look'));
  const ended = await attempt(world, node, run);
  if (node.generation !== world.truth.generation) return recording.unknown();
  if ('value' in ended) {
    const { revision, attempts } = ended.value;
    recording.ok(accesses(reads, plan.key, id, wrote));
    checks.checkDone({ node, id, reads, wrote, revision, beganMs, endedMs: world.nowMs });
    world.sometimes(wrote ? 'committed' : 'looked');
    if (attempts > 1) world.sometimes('made again');
    return;
  }
  world.sometimes(`refused ${ended.code}`);
  if (unapplied.includes(ended.code)) recording.fail();
  else recording.unknown();
  const times = checks.count(id);
  if (times > 1) throw new Violation('T3', `${id} ended with ${ended.code}, and was applied ${times} times`);
  if (times > 0 && unapplied.includes(ended.code))
    throw new Violation('T3', `${id} was refused with ${ended.code}, and was applied`);
}

/** Money on all accounts, unless there is some already. */
async function found(node: SimulatedNode): Promise<void> {
  const fill = async (tx: Transaction): Promise<void> => {
    if ((await tx.get(accounts[0])) === undefined) for (const key of accounts) tx.put(key, each);
  };
  while (node.running) {
    try {
      await stmResult(node.client, fill, { timeoutMs: 5_000 });
      return;
    } catch (error) {
      if (!isCoordinationError(error)) throw error;
      await pause(node, 1_000);
    }
  }
}

/** A session, and a key of it that an operator may do with as he likes. */
async function standBy(node: SimulatedNode): Promise<void> {
  try {
    const { lease } = await node.client.session();
    await node.client.store.commit([], [put(`/by/${node.name}-${node.life}`, '', lease)]);
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const checks = new Checks(world);
  const bystander = ({ key }: { readonly key: string }): boolean => key.startsWith('/by/');
  world.operator.rules = { mayDelete: bystander, mayOverwrite: bystander };
  world.run(4, async (node) => {
    await found(node);
    for (let n = 0; node.running; n++) {
      await pause(node, 0.1 * world.ttlMs);
      if (node.random.chance(0.1)) await standBy(node);
      if (node.running) await transact(world, node, checks, `${node.name}/${node.life}/${n}`);
    }
  });
  await world.chaos();
  checks.checkHistories();
}

export const stm: RecipeSimulation = {
  recipe: 'stm',
  scenario,
  sometimes: ['committed', 'looked', 'made again', 'refused aborted', 'refused TIMEOUT', 'refused UNKNOWN_OUTCOME'],
  options: { durationMs: 15_000 },
};
