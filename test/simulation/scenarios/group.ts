/**
 * Group: a few processes join under names that some of them share, leave, say something else and follow the views.
 *
 * G1: a view is who was in the group at its revision, and tells exactly what has changed since the last one. G2: a member goes
 * only with its lease, by its own will or by an operator; one that comes back is another incarnation. G3: in the quiet all
 * views are what the store is. G4: what a member joined with does not change, and is what it says. G5: who believes to be a
 * member is one. GL1: what has crashed is gone from the views. GL2: who has not left is a member again.
 */
import { type Entry, Group, type GroupView, type Membership } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueChange, Violation } from 'coterie/testing';
import { believe } from '../lib/beliefs.js';
import { History } from '../lib/history.js';
import { attempt, patient, pause } from '../lib/life.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/groups/workers';
const ids = ['a', 'b', 'c', 'd', 'e'] as const;

const label = (id: string, incarnation: bigint): string => `${id} ${incarnation}`;
const textOf = ({ value }: Entry): string => Buffer.from(value).toString();

/** One who is to be in the group until it leaves. */
interface Joined {
  readonly node: SimulatedNode;
  readonly membership: Membership<string>;
}

/** One who follows the group. */
interface Observer {
  readonly node: SimulatedNode;
  view: GroupView<string> | undefined;
}

class Groups {
  readonly #world: SimulatedWorld;
  readonly #history: History;
  readonly #joined = new Set<Joined>();
  readonly #observers: Observer[] = [];
  /** What members said that may go without anybody's doing: they left, or were about to. */
  readonly #mayGo = new Set<string>();
  readonly #sayers = new Map<string, SimulatedNode>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#history = new History(world, [`${path}/`]);
    world.truth.follow(({ changes }) => {
      for (const change of changes) if (change.key.startsWith(`${path}/`)) this.#see(change);
    });
  }

  async live(node: SimulatedNode): Promise<void> {
    this.#observe(node);
    while (node.running) {
      await pause(node, 0.3 * this.#world.ttlMs);
      if (node.running) await this.#join(node);
    }
  }

  /** All who are in the group and all who look at it agree. */
  async converge(): Promise<void> {
    const untilMs = this.#world.nowMs + 90_000;
    while (this.#wrong() !== undefined && this.#world.nowMs < untilMs) await this.#world.sleep(500);
    const wrong = this.#wrong();
    if (wrong !== undefined) throw wrong;
    if (this.#history.now(this.#world.truth.generation).size > 1) this.#world.sometimes('converged');
  }

  /** Says something that nobody has said. What it says is remembered by the incarnation it is said in. */
  #say(node: SimulatedNode): string {
    const said = `saying ${this.#sayers.size + 1}`;
    this.#sayers.set(said, node);
    return said;
  }

  async #join(node: SimulatedNode): Promise<void> {
    const { random } = node;
    const id = random.pick(ids);
    const group = new Group<string>(node.client, path, { onTaken: random.pick(['wait', 'reject']) });
    let said = this.#say(node);
    // One that does not come about in time takes back what it did.
    this.#mayGo.add(said);
    const ended = await attempt(this.#world, node, (limits) => group.join(id, said, patient(this.#world, limits)));
    if (!('value' in ended)) return this.#world.sometimes(`not joined ${ended.code}`);
    this.#mayGo.delete(said);
    const membership = ended.value;
    const joined = { node, membership };
    this.#joined.add(joined);
    this.#world.sometimes('joined');
    const forget = believe(this.#world, node, membership, 'G5');
    for (let n = random.whole(0, 6); n > 0 && node.running; n--) {
      // At times for so long that nothing excuses it any more if it believes in what an operator took away.
      await pause(node, random.chance(0.1) ? 30_000 : 0.5 * this.#world.ttlMs);
      if (!random.chance(0.3)) continue;
      this.#mayGo.add(said);
      said = this.#say(node);
      const updated = await attempt(this.#world, node, (limits) =>
        membership.update(said, patient(this.#world, limits)),
      );
      this.#world.sometimes('value' in updated ? 'updated' : `not updated ${updated.code}`);
      if ('value' in updated) await this.#checkMembers(node, group);
    }
    // Those that are members when all is well again have to be so in the end.
    if (!node.running && random.chance(0.7)) return;
    this.#mayGo.add(said);
    this.#joined.delete(joined);
    forget();
    await membership.leave();
  }

  async #checkMembers(node: SimulatedNode, group: Group<string>): Promise<void> {
    const ended = await attempt(this.#world, node, (limits) => group.members(limits));
    if (!('value' in ended)) return;
    // Read at once, by one revision of the few that there can have been meanwhile.
    const seen = ended.value.map(({ id, incarnation }) => label(id, incarnation)).join();
    this.#world.sometimes(seen === '' ? 'nobody' : 'somebody');
  }

  #see({ key, before, after }: TrueChange): void {
    if (before?.lease === undefined) return;
    const struck = this.#world.operator.struckMs(key, before.created, before.lease) !== undefined;
    if (after !== undefined && after.created === before.created) {
      if (!struck) this.#world.fail(new Violation('G4', `${key} said something else in one incarnation`));
      return;
    }
    // A lease that ends takes its keys along; whether it did shows when this revision is done.
    this.#world.after(0, () => {
      const lives = this.#world.truth.leases.some(({ id }) => id === before.lease);
      const said = JSON.parse(textOf(before)) as string;
      const sayer = this.#sayers.get(said);
      const over = sayer?.state !== 'up' || sayer.over.has(before.lease ?? '');
      if (!lives || over || struck || this.#mayGo.has(said)) return;
      this.#world.fail(new Violation('G2', `${key} of ${textOf(before)} was taken away, and its lease lives`));
    });
  }

  #observe(node: SimulatedNode): void {
    const observer: Observer = { node, view: undefined };
    this.#observers.push(observer);
    const follow = async (): Promise<void> => {
      for await (const view of new Group<string>(node.client, path).views()) {
        this.#check(observer, view);
        observer.view = view;
        if (node.running && node.random.chance(0.1)) await pause(node, this.#world.ttlMs);
      }
    };
    follow().catch((error: unknown) => {
      const elsewhere = node.generation !== this.#world.truth.generation;
      if (node.state === 'up' && !elsewhere) this.#world.fail(error);
    });
  }

  #check({ node, view: last }: Observer, { revision, members, joined, left }: GroupView<string>): void {
    const was = (last?.members ?? []).map(({ id, incarnation }) => label(id, incarnation));
    const is = members.map(({ id, incarnation }) => label(id, incarnation));
    const came = is.filter((one) => !was.includes(one)).join();
    const went = was.filter((one) => !is.includes(one)).join();
    if (joined.map(({ id, incarnation }) => label(id, incarnation)).join() !== came)
      this.#fail(`${node.name} was not told who joined`);
    if (left.map(({ id, incarnation }) => label(id, incarnation)).join() !== went)
      this.#fail(`${node.name} was not told who left`);
    if (left.length > 0) this.#world.sometimes('somebody left');
    // What a lost event said is made good by an audit, a minute later.
    if (this.#world.struck.has('loseEvent')) return;
    if (last !== undefined && revision <= last.revision)
      this.#fail(`${node.name} told of ${revision} after ${last.revision}`);
    const truth = this.#membersAt(node.generation, revision);
    const seen = members.map(({ id, incarnation, data }) => `${label(id, incarnation)} ${data}`).join();
    if (seen !== truth) this.#fail(`${node.name} saw ${seen} at ${revision}, where there were ${truth}`);
  }

  #membersAt(generation: number, revision: bigint): string {
    return this.#list(this.#history.at(generation, revision));
  }

  #list(entries: ReadonlyMap<string, Entry>): string {
    const live = [...entries.values()].filter(({ lease }) => lease !== undefined);
    live.sort((a, b) => (a.created === b.created ? 0 : a.created < b.created ? -1 : 1));
    return live
      .map((entry) => `${label(entry.key.slice(path.length + 1), entry.created)} ${JSON.parse(textOf(entry))}`)
      .join();
  }

  #wrong(): Violation | undefined {
    const { truth } = this.#world;
    const here = ({ node }: { node: SimulatedNode }): boolean =>
      node.state === 'up' && node.generation === truth.generation;
    const is = this.#list(this.#history.now(truth.generation));
    for (const { node, view } of this.#observers.filter(here)) {
      const seen = view?.members.map(({ id, incarnation, data }) => `${label(id, incarnation)} ${data}`).join() ?? '';
      if (seen !== is) return new Violation('G3', `in the end ${node.name} sees ${seen}, and there are ${is}`);
    }
    const members = [...this.#joined].filter(here);
    for (const { node, membership } of members) {
      const { state, key } = membership;
      const taken = state.kind === 'lost' && state.reason.code === 'MEMBER_EXISTS';
      if (membership.isMember() || (taken && truth.get(key) !== undefined)) continue;
      return new Violation('GL2', `${node.name} has not left, and is not a member again`);
    }
    const count = members.filter(({ membership }) => membership.isMember()).length;
    const found = is === '' ? 0 : is.split(',').length;
    if (count !== found) return new Violation('GL1', `${is} are in the group, of which ${count} should be`);
    return undefined;
  }

  #fail(sentence: string): void {
    this.#world.fail(new Violation('G1', sentence));
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const groups = new Groups(world);
  world.run(4, (node) => groups.live(node));
  await world.chaos();
  await groups.converge();
}

export const group: RecipeSimulation = {
  recipe: 'group',
  scenario,
  sometimes: [
    ...['joined', 'updated', 'somebody left', 'somebody', 'converged'],
    ...['not joined MEMBER_EXISTS', 'not joined TIMEOUT', 'not joined aborted'],
  ],
};
