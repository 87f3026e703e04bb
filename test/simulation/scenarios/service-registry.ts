/**
 * ServiceRegistry: a few processes register instances, change what they report, and pick instances by resolvers of all
 * strategies, of which some calls fail.
 *
 * V1: a view is what the store had at its revision, every word of each instance included. V2: what is picked is in the view,
 * healthy, has a weight, and is not ejected while another one is left. V3: ejection and outages never leave a resolver
 * without an instance that it knows. V4: who believes to be registered is. V5: an instance goes only with its lease, by its own
 * will or by an operator. VL1: in the quiet, resolvers and views are what the store is, and every instance that has not left is
 * there, with what it reported last.
 */
import { type Entry, type Instance, type Registration, type Resolver, ServiceRegistry } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueChange, Violation } from 'coterie/testing';
import { believe } from '../lib/beliefs.js';
import { History } from '../lib/history.js';
import { attempt, patient, pause } from '../lib/life.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/services/mail';
const ids = ['a', 'b', 'c', 'd', 'e'] as const;
const strategies = ['round-robin', 'random', 'least-loaded', 'sticky'] as const;

interface Meta {
  readonly said: number;
}

interface Registered {
  readonly node: SimulatedNode;
  readonly registration: Registration<Meta>;
}

interface Resolving {
  readonly node: SimulatedNode;
  readonly resolver: Resolver<Meta>;
}

function reportOf(entry: Entry): string {
  const { port, weight, load, healthy, meta } = JSON.parse(Buffer.from(entry.value).toString());
  const id = entry.key.slice(path.length + 1);
  return JSON.stringify([id, port, weight, load, healthy, meta, String(entry.created), String(entry.modified)]);
}

function seen({ id, port, weight, load, healthy, meta, incarnation, revision }: Instance<Meta>): string {
  return JSON.stringify([id, port, weight, load, healthy, meta, String(incarnation), String(revision)]);
}

class Services {
  readonly #world: SimulatedWorld;
  readonly #history: History;
  readonly #registered = new Set<Registered>();
  readonly #resolving = new Set<Resolving>();
  /** What was said by instances that may go by themselves: they left, or were about to. */
  readonly #mayGo = new Set<number>();
  readonly #sayers = new Map<number, SimulatedNode>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#history = new History(world, [`${path}/`]);
    world.truth.follow(({ changes }) => {
      for (const change of changes) if (change.key.startsWith(`${path}/`)) this.#see(change);
    });
  }

  async live(node: SimulatedNode): Promise<void> {
    const registry = new ServiceRegistry<Meta>(node.client, path, { checkMs: node.random.pick([5_000, 30_000]) });
    const resolving = this.#resolve(node, registry);
    while (node.running) {
      await pause(node, 0.3 * this.#world.ttlMs);
      if (node.running) await this.#serve(node, registry);
    }
    await resolving;
  }

  async converge(): Promise<void> {
    const untilMs = this.#world.nowMs + 90_000;
    while (this.#wrong() !== undefined && this.#world.nowMs < untilMs) await this.#world.sleep(500);
    const wrong = this.#wrong();
    if (wrong !== undefined) throw new Violation('VL1', wrong);
    if (this.#registered.size > 1 && this.#resolving.size > 1) this.#world.sometimes('converged');
  }

  #say(node: SimulatedNode): Meta {
    const said = this.#sayers.size + 1;
    this.#sayers.set(said, node);
    return { said };
  }

  async #serve(node: SimulatedNode, registry: ServiceRegistry<Meta>): Promise<void> {
    const { random } = node;
    const meta = this.#say(node);
    // One that does not come about in time takes back what it did.
    this.#mayGo.add(meta.said);
    const info = { id: random.pick(ids), address: node.name, port: random.whole(1, 65_535), meta };
    const onTaken = random.pick(['wait', 'reject'] as const);
    const ended = await attempt(this.#world, node, (limits) =>
      registry.register(info, { onTaken, ...patient(this.#world, limits) }),
    );
    if (!('value' in ended)) return this.#world.sometimes(`not registered ${ended.code}`);
    const registration = ended.value;
    this.#mayGo.delete(meta.said);
    this.#world.sometimes('registered');
    const one = { node, registration };
    this.#registered.add(one);
    const forget = believe(this.#world, node, registration, 'V4');
    for (let n = random.whole(1, 6); n > 0 && node.running; n--) {
      await pause(node, 0.5 * this.#world.ttlMs);
      if (random.chance(0.5)) await this.#report(one);
    }
    if (!node.running && random.chance(0.7)) return;
    const { said } = registration.info.meta ?? meta;
    this.#mayGo.add(said);
    this.#registered.delete(one);
    forget();
    await registration.leave();
    // Reports that were given up may have been written, and go now.
  }

  async #report({ node, registration }: Registered): Promise<void> {
    const { random } = node;
    const report = {
      meta: this.#say(node),
      weight: random.pick([0, 1, 1, 5]),
      load: random.whole(0, 9),
      healthy: random.chance(0.7),
    };
    const ended = await attempt(this.#world, node, (limits) =>
      registration.update(report, patient(this.#world, limits)),
    );
    this.#world.sometimes('value' in ended ? 'reported' : `not reported ${ended.code}`);
  }

  async #resolve(node: SimulatedNode, registry: ServiceRegistry<Meta>): Promise<void> {
    const { random } = node;
    while (node.running) {
      const options = { strategy: random.pick(strategies), ejection: { maxShare: random.pick([0.5, 1]) } };
      const ended = await attempt(this.#world, node, (limits) =>
        registry.resolver({ ...options, ...patient(this.#world, limits) }),
      );
      if (!('value' in ended)) {
        this.#world.sometimes(`not resolved ${ended.code}`);
        await pause(node, this.#world.ttlMs);
        continue;
      }
      const resolver = ended.value;
      const one = { node, resolver };
      this.#resolving.add(one);
      this.#check(one);
      resolver.events.on('change', () => this.#check(one));
      resolver.events.on('stale', () => this.#world.sometimes('stale'));
      resolver.events.on('fresh', () => this.#world.sometimes('fresh again'));
      for (let n = random.whole(5, 60); n > 0 && node.running; n--) {
        await pause(node, 0.3 * this.#world.ttlMs);
        this.#pick(one);
      }
      // Those that are open when all is well again have to agree in the end.
      if (!node.running) return;
      this.#resolving.delete(one);
      await resolver.close();
    }
  }

  #picked({ node, resolver }: Resolving, fit: number): Instance<Meta> {
    try {
      using picked = resolver.pick({ key: String(node.random.whole(0, 9)) });
      return picked.instance;
    } catch (error) {
      throw new Violation('V3', `${node.name} knows ${fit}, and picks none: ${error}`);
    }
  }

  #pick(one: Resolving): void {
    const { node, resolver } = one;
    const fit = resolver.view.instances.filter(({ healthy, weight }) => healthy && weight > 0);
    const ejected = new Set(resolver.ejected.map(({ id }) => id));
    if (fit.length === 0) {
      this.#world.sometimes('nothing to pick');
      return;
    }
    const instance = this.#picked(one, fit.length);
    const isKnown = fit.some((known) => seen(known) === seen(instance));
    const others = fit.filter(({ id }) => !ejected.has(id));
    if (!isKnown || (others.length > 0 && ejected.has(instance.id))) {
      throw new Violation('V2', `${node.name} picks ${seen(instance)}, which is not to be picked`);
    }
    this.#world.sometimes(ejected.has(instance.id) ? 'picked an ejected one' : 'picked');
    if (node.random.chance(0.5)) resolver.reportFailure(instance, new Error('a call that failed'));
    else resolver.reportSuccess(instance);
  }

  #check({ node, resolver }: Resolving): void {
    // What a lost event said is made good by an audit, or by the next check.
    if (this.#world.struck.has('loseEvent')) return;
    const { revision, instances } = resolver.view;
    const [is, was] = [instances.map(seen).join(), this.#instances(this.#history.at(node.generation, revision))];
    if (is !== was)
      this.#world.fail(new Violation('V1', `${node.name} sees ${is} at ${revision}, where there were ${was}`));
  }

  #instances(entries: ReadonlyMap<string, Entry>): string {
    const live = [...entries.values()].filter(({ lease }) => lease !== undefined);
    return live
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(reportOf)
      .join();
  }

  #see({ key, before, after }: TrueChange): void {
    if (before?.lease === undefined || after?.created === before.created) return;
    const struck = this.#world.operator.struckMs(key, before.created, before.lease) !== undefined;
    const { said } = JSON.parse(Buffer.from(before.value).toString()).meta as Meta;
    const { lease } = before;
    const sayer = this.#sayers.get(said);
    // A lease that ends takes its keys along; whether it did shows when this revision is done.
    this.#world.after(0, () => {
      const lives = this.#world.truth.leases.some(({ id }) => id === lease);
      const left = ![...this.#registered].some(({ node, registration }) => node === sayer && registration.key === key);
      if (!lives || struck || left || sayer?.state !== 'up' || sayer.over.has(lease) || this.#mayGo.has(said)) return;
      this.#world.fail(new Violation('V5', `${key} of ${sayer.name} was taken away, and its lease lives`));
    });
  }

  #wrong(): string | undefined {
    const { truth } = this.#world;
    const here = ({ node }: { node: SimulatedNode }): boolean =>
      node.state === 'up' && node.generation === truth.generation;
    const is = this.#instances(this.#history.now(truth.generation));
    for (const { node, resolver } of [...this.#resolving].filter(here)) {
      const sees = resolver.view.instances.map(seen).join();
      if (sees !== is) return `in the end ${node.name} sees ${sees}, and there are ${is}`;
      if (resolver.staleSince !== undefined) return `in the end ${node.name} is stale`;
    }
    for (const { node, registration } of [...this.#registered].filter(here)) {
      const { state, key, info } = registration;
      const taken = state.kind === 'lost' && state.reason.code === 'MEMBER_EXISTS';
      const entry = truth.get(key);
      if (taken && entry !== undefined) continue;
      const said = entry?.lease === undefined ? undefined : JSON.parse(Buffer.from(entry.value).toString()).meta.said;
      if (!registration.isPresent() || said !== info.meta?.said)
        return `${key} of ${node.name} is not there as it last said`;
    }
    return undefined;
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const services = new Services(world);
  world.run(4, (node) => services.live(node));
  await world.chaos();
  await services.converge();
}

export const serviceRegistry: RecipeSimulation = {
  recipe: 'service-registry',
  scenario,
  options: { durationMs: 40_000 },
  sometimes: [
    ...[
      'registered',
      'present',
      'reported',
      'picked',
      'picked an ejected one',
      'nothing to pick',
      'stale',
      'fresh again',
    ],
    ...['converged', 'not registered MEMBER_EXISTS', 'not registered TIMEOUT', 'not resolved TIMEOUT'],
  ],
};
