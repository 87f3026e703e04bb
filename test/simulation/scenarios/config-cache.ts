/**
 * ConfigCache: a few processes keep caches of different kinds of one configuration, all write to it, and so does an operator.
 *
 * W1: a cache is, at the revision that it tells, what the store was there; nothing is half of a commit; a history says what
 * the store said. W2: revisions only grow. W3: after `waitUntil`, the cache is at that revision. W4: no `reset` while it is the
 * same cluster. W5: what the schema refuses is never current; a cache that says it is fresh has everything that is older than
 * it takes to find out otherwise, and one that says since when it is stale had everything then. W6: a write is made once, at the
 * revision that is told of it, and one that was refused is not made. WL1: in the quiet, all are what the store is, and alike.
 */
import { ConfigCache, type ConfigOptions, type Op, put, remove } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { canonical, configured, isObject } from '../lib/configuration.js';
import { History } from '../lib/history.js';
import { attempt, type Limits, pause } from '../lib/life.js';
import type { RecipeSimulation } from '../recipe.js';

const common = '/config/common';
const app = '/config/app';
const names = ['a', 'b', 'b.x', 'b.y', 'c.z.deep', 'd'] as const;
const staleAfterMs = 4_000;

/** How long news may take that nothing keeps back: until a look, its answer, a burst, and a slow network. */
const newsMs = staleAfterMs + 11_000;

/** The one thing that the picky schema refuses. */
const isValid = (value: unknown): boolean => !isObject(value) || value['d'] !== 'bad';

type Validate = NonNullable<ConfigOptions<unknown>['schema']>['~standard']['validate'];
const schemaOf = (validate: Validate) => ({ '~standard': { version: 1 as const, vendor: 'simulation', validate } });

/** The kinds of caches there are; those of one kind have to come to the same. */
function kinds(node: SimulatedNode): readonly ConfigOptions<unknown>[] {
  const picky: Validate = (value) => (isValid(value) ? { value } : { issues: [{ message: 'bad', path: ['d'] }] });
  const slow: Validate = async (value) => {
    await pause(node, 400);
    return { value: structuredClone(value) };
  };
  return [
    { onEmpty: 'accept' },
    { onEmpty: 'accept', layers: [common, app] },
    { onEmpty: 'accept', debounceMs: 30, recentSize: 3 },
    { onEmpty: 'accept', layers: [common, app], schema: schemaOf(slow) },
    { schema: schemaOf(picky) },
  ];
}

/** A cache that is open. */
interface Open {
  readonly node: SimulatedNode;
  readonly kind: number;
  readonly layers: readonly string[];
  readonly options: ConfigOptions<unknown>;
  readonly cache: ConfigCache<unknown>;
}

/** What became of a write, by the number that it wrote, which no other has. */
interface Written {
  times: number;
  at: bigint;
  told: bigint | 'refused' | undefined;
}

class Configurations {
  readonly #world: SimulatedWorld;
  readonly #history: History;
  readonly #open = new Set<Open>();
  readonly #written = new Map<string, Written>();
  readonly #frozenMs = new Map<SimulatedNode, number>();
  #numbers = 0;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#history = new History(world, [`${common}/`, `${app}/`]);
    const mine = ({ key }: { key: string }): boolean => key.startsWith(`${common}/`) || key.startsWith(`${app}/`);
    world.operator.rules = { mayDelete: mine, mayOverwrite: mine };
    world.truth.follow(({ changes, revision }) => {
      for (const { after } of changes) this.#count(after && Buffer.from(after.value).toString(), revision);
    });
    const look = (): void => {
      for (const one of this.#open) this.#look(one);
      if (!world.calm) world.after(500, look);
    };
    world.after(500, look);
  }

  async live(node: SimulatedNode): Promise<void> {
    while (node.running) {
      await pause(node, 0.1 * this.#world.ttlMs);
      const kind = node.random.whole(0, 4);
      const options = { staleAfterMs, ...kinds(node)[kind] };
      const open = (limits: Limits) =>
        ConfigCache.open<unknown>(node.client, app, { timeoutMs: 5_000, ...options, ...limits });
      const ended = await attempt(this.#world, node, open);
      if (!('value' in ended)) {
        this.#world.sometimes(`not opened ${ended.code}`);
        continue;
      }
      const cache = ended.value;
      const one = { node, kind, cache, options, layers: (options.layers ?? [app]) as string[] };
      this.#hear(one);
      const turns = node.random.whole(5, 80);
      for (let n = 0; n < turns && node.running; n++) await this.#turn(one);
      // Those that are left open have to agree in the end.
      if (!node.running) return;
      this.#open.delete(one);
      await cache.close();
    }
  }

  /** All caches that are left come to be what the store is. */
  async converge(): Promise<void> {
    // Longer than any audit of a watch.
    const untilMs = this.#world.nowMs + 90_000;
    while (this.#wrong() !== undefined && this.#world.nowMs < untilMs) await this.#world.sleep(500);
    const wrong = this.#wrong();
    if (wrong !== undefined) throw new Violation('WL1', wrong);
    if (this.#left().length > 1) this.#world.sometimes('converged');
  }

  #count(text: string | undefined, revision: bigint): void {
    const written = text === undefined ? undefined : this.#written.get(text);
    if (written === undefined) return;
    written.times++;
    written.at = revision;
    if (written.times > 1) this.#world.fail(new Violation('W6', `${text} was written twice`));
    if (written.told === 'refused') this.#world.fail(new Violation('W6', `${text} was refused, and is written`));
  }

  #hear(one: Open): void {
    const { cache, node } = one;
    this.#open.add(one);
    this.#compare(one, cache.revision, cache.current);
    let last = cache.revision;
    cache.events.on('change', ({ revision, value, reset }) => {
      // What a lost event said is made good at the revision that was told without it.
      const again = revision === last && !this.#world.struck.has('loseEvent');
      if (revision < last || again || reset) this.#fail('W2', `${node.name} told of ${revision} after ${last}`);
      last = revision;
      if (!Object.is(value, cache.current)) this.#fail('W2', `${node.name} told of what is not current`);
      this.#compare(one, revision, value);
      this.#world.sometimes('changed');
    });
    cache.events.on('reset', () => this.#fail('W4', `${node.name} was reset, and it is the same cluster`));
    cache.events.on('rejected', ({ reason }) => this.#world.sometimes(`rejected ${reason}`));
    cache.events.on('state', ({ kind }) => this.#world.sometimes(kind));
  }

  async #turn(one: Open): Promise<void> {
    const { node, cache } = one;
    const { random } = node;
    await pause(node, 0.2 * this.#world.ttlMs);
    // What nobody listens to is made when it is asked for.
    this.#compare(one, cache.revision, cache.current);
    if (random.chance(0.3)) await this.#commit(node);
    else if (random.chance(0.5)) await this.#set(one);
    else if (random.chance(0.2) && node.client.store.traits.pastReads) await this.#remember(one);
  }

  /** Several keys of several layers at once, as a deployment writes them. */
  async #commit({ random, client }: SimulatedNode): Promise<void> {
    const ops = new Map<string, Op>();
    for (let n = random.whole(1, 4); n > 0; n--) {
      const key = `${random.pick([common, app])}/${random.pick(names).replaceAll('.', '/')}`;
      const value = random.chance(0.1) ? '"bad"' : String(++this.#numbers);
      ops.set(key, random.chance(0.2) ? remove(key) : put(key, value));
    }
    await client.store.commit([], [...ops.values()]).catch(() => {});
  }

  async #set({ node, cache }: Open): Promise<void> {
    const { random } = node;
    const key = random.pick(names);
    const number = ++this.#numbers;
    const written: Written = { times: 0, at: -1n, told: undefined };
    this.#written.set(String(number), written);
    const ifRevision = random.chance(0.4) ? { ifRevision: cache.explain(key).revision } : {};
    const remove = random.chance(0.15);
    const ended = await attempt(this.#world, node, (limits) => {
      const options = { ...limits, ...ifRevision };
      return remove ? cache.delete(key, options) : cache.set(key, number, options);
    });
    if (!('value' in ended)) {
      this.#world.sometimes(`not set ${ended.code}`);
      if (ended.code === 'CONFLICT' || ended.code === 'INVALID_CONFIG') this.#refused(number, written);
      return;
    }
    const revision = ended.value;
    if (revision === undefined) return;
    if (!remove && (written.times !== 1 || written.at !== revision)) {
      throw new Violation('W6', `${number} was written ${written.times} times, at ${written.at} and not ${revision}`);
    }
    const waited = await attempt(this.#world, node, (limits) => cache.waitUntil(revision, limits));
    if ('value' in waited && cache.revision < revision) {
      throw new Violation('W3', `${node.name} waited for ${revision} and is at ${cache.revision}`);
    }
    this.#world.sometimes('value' in waited ? 'waited' : `not waited ${waited.code}`);
  }

  #refused(number: number, written: Written): void {
    written.told = 'refused';
    if (written.times > 0) throw new Violation('W6', `${number} was refused, and is written`);
  }

  async #remember({ node, cache }: Open): Promise<void> {
    const key = node.random.pick(names);
    const ended = await attempt(this.#world, node, (limits) => cache.history(key, { limit: 4, ...limits }));
    if (!('value' in ended)) return;
    const { revisions, storeKey } = ended.value;
    for (const { revision, value } of revisions) {
      const entry = this.#history.at(node.generation, revision).get(storeKey);
      if (entry?.modified === revision && String(value) === Buffer.from(entry.value).toString().replaceAll('"', ''))
        continue;
      throw new Violation('W1', `${storeKey} did not say ${String(value)} at ${revision}`);
    }
    this.#world.sometimes('remembered');
  }

  #compare({ node, layers, options }: Open, revision: bigint, value: unknown): void {
    if (options.schema !== undefined && options.onEmpty === undefined && !isValid(value)) {
      this.#fail('W5', `what the schema refuses is current at ${node.name}`);
    }
    // An event that never came is found out by an audit, a minute later; until then, nothing can be held against the cache.
    if (this.#world.struck.has('loseEvent')) return;
    const [is, was] = [canonical(value), canonical(configured(this.#history.at(node.generation, revision), layers))];
    if (is !== was) this.#fail('W1', `${node.name} is ${is} at ${revision}, where the store was ${was}`);
  }

  /** Whether what a cache says of its age can be. */
  #look({ node, cache, layers }: Open): void {
    const { struck, nowMs, truth } = this.#world;
    const { kind, ...state } = cache.state;
    if (node.state !== 'up' || node.clock.frozen) this.#frozenMs.set(node, nowMs);
    const awakeMs = nowMs - (this.#frozenMs.get(node) ?? 0);
    // Events that never come are found out later; of another cluster nothing is known.
    if (struck.has('loseEvent') || node.generation !== truth.generation || awakeMs < newsMs) return;
    const missing = this.#history.after(node.generation, cache.revision);
    if (missing === undefined) return;
    const news = canonical(configured(missing.entries, layers)) !== canonical(cache.current);
    if (kind === 'fresh' && news && missing.atMs < nowMs - newsMs) {
      this.#fail(
        'W5',
        `${node.name} says it is fresh, and lacks ${missing.revision} of ${nowMs - missing.atMs} ms ago`,
      );
    }
    if (!('since' in state) || struck.has('stepWall') || struck.has('suspend') || struck.has('staleMember')) return;
    const ageMs = node.clock.wall() - state.since;
    if (news && missing.atMs < nowMs - ageMs - 5_000) {
      this.#fail('W5', `${node.name} says it is stale for ${ageMs} ms, and lacks ${missing.revision}`);
    }
  }

  #left(): Open[] {
    const { truth } = this.#world;
    return [...this.#open].filter(({ node }) => node.state === 'up' && node.generation === truth.generation);
  }

  /** What is not as it should be in the end. */
  #wrong(): string | undefined {
    const now = this.#history.now(this.#world.truth.generation);
    for (const { node, cache, layers, options } of this.#left()) {
      const truth = configured(now, layers);
      const isRefused = options.onEmpty === undefined && (!isValid(truth) || Object.keys(truth as object).length === 0);
      if (isRefused && cache.state.kind === 'invalid') continue;
      if (canonical(cache.current) === canonical(truth) && cache.state.kind === 'fresh') continue;
      return `${node.name} is ${canonical(cache.current)} (${cache.state.kind}), and the store ${canonical(truth)}`;
    }
    return undefined;
  }

  #fail(invariant: string, sentence: string): void {
    this.#world.fail(new Violation(invariant, sentence));
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const configurations = new Configurations(world);
  world.run(4, (node) => configurations.live(node));
  await world.chaos();
  await configurations.converge();
}

export const configCache: RecipeSimulation = {
  recipe: 'config-cache',
  scenario,
  options: { durationMs: 30_000 },
  sometimes: [
    ...['changed', 'fresh', 'stale', 'invalid', 'rejected schema', 'waited', 'converged', 'remembered'],
    ...[
      'not waited TIMEOUT',
      'not waited INVALID_CONFIG',
      'not set CONFLICT',
      'not set UNKNOWN_OUTCOME',
      'not opened TIMEOUT',
    ],
  ],
};
