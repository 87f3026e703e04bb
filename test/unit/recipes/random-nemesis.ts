import type { Verb } from '../../../src/testing/faulty-store.js';
import type { Node } from './random-node.js';
import type { Dice } from './random-process.js';
import type { RandomWorld } from './random-world.js';

const verbs: readonly (Exclude<Verb, 'watch'> | undefined)[] = [
  undefined,
  'read',
  'commit',
  'grant',
  'renew',
  'revoke',
];

function fault(dice: Dice): { count: number; verb?: Exclude<Verb, 'watch'> } {
  const verb = dice.pick(verbs);
  return { count: dice.whole(1, 3), ...(verb && { verb }) };
}

type Strike = (world: RandomWorld, node: Node, forMs: number) => void;

/** Ends a fault of a node after a time, if nothing else has ended it by then. */
function healLater(world: RandomWorld, node: Node, forMs: number): void {
  node.disturb(forMs);
  world.clock.after(forMs, () => node.heal());
}

/** Everything that can go wrong, by name. */
const strikes = {
  dropRequests: ({ dice }, { network }) => network.dropRequests(fault(dice)),
  dropAnswers: ({ dice }, { network }) => network.dropAnswers(fault(dice)),
  holdRequests: (world, node, forMs) => {
    node.disturb(forMs);
    node.network.holdRequests();
    world.clock.after(forMs, () => node.network.releaseRequests());
  },
  holdAnswers: (world, node, forMs) => {
    node.disturb(forMs);
    node.network.holdAnswers();
    world.clock.after(forMs, () => node.network.releaseAnswers());
  },
  delay: ({ dice, clock }, node, forMs) => {
    const delayMs = dice.whole(1, 80);
    node.disturb(forMs + delayMs);
    node.network.delay(delayMs);
    clock.after(forMs, () => node.network.delay(0));
  },
  partition: (world, node, forMs) => {
    node.partition();
    healLater(world, node, forMs);
  },
  interrupt: (_world, node) => {
    node.disturb();
    node.network.interrupt();
  },
  stall: (world, node, forMs) => {
    node.freeze();
    healLater(world, node, forMs);
  },
  sleep: (world, node, forMs) => {
    node.freeze(true);
    healLater(world, node, forMs);
  },
  stepWall: ({ dice, ttlMs }, { process }) => process.stepWall(dice.whole(0, 3 * ttlMs)),
  revokeLease: (world) => world.operator.revokeOne(),
  revokeAll: (world) => world.operator.revokeAll(),
  deleteTicket: (world) => world.operator.deleteTicket(),
  overwriteTicket: (world) => world.operator.overwriteTicket(),
  compact: ({ cluster }) => cluster.compact(),
  crash: (world, node) => {
    if (world.nodes.filter(({ state }) => state === 'up').length > 1) node.crash();
  },
  close: (world, node) => {
    if (world.nodes.filter(({ state }) => state === 'up').length > 1) world.close(node);
  },
  join: (world) => {
    if (world.nodes.length < 9) world.join();
  },
} satisfies Record<string, Strike>;

export type StrikeName = keyof typeof strikes;
export const strikeNames = Object.keys(strikes) as readonly StrikeName[];

/** A random few of the faults, each with a random weight, at a random pace: different at each seed. */
export class Nemesis {
  readonly #world: RandomWorld;
  readonly #bag: StrikeName[] = [];
  readonly #paceMs: number;
  readonly #forMs: number;
  #over = false;

  constructor(world: RandomWorld) {
    this.#world = world;
    const { dice, ttlMs } = world;
    for (const name of strikeNames) {
      const weight = dice.chance(0.35) ? dice.whole(1, 4) : 0;
      for (let i = 0; i < weight; i++) this.#bag.push(name);
    }
    this.#paceMs = ttlMs * dice.pick([0.05, 0.2, 0.5]);
    this.#forMs = ttlMs * dice.pick([0.1, 0.6, 2]);
    if (this.#bag.length > 0) this.#next();
  }

  end(): void {
    this.#over = true;
  }

  #next(): void {
    const { clock, dice } = this.#world;
    clock.after(2 * this.#paceMs * dice.next(), () => {
      if (this.#over) return;
      this.#strike();
      this.#next();
    });
  }

  #strike(): void {
    const { dice, nodes, trace, struck } = this.#world;
    const up = nodes.filter(({ state }) => state === 'up');
    const node = dice.pick(up);
    const name = dice.pick(this.#bag);
    const forMs = Math.ceil(2 * this.#forMs * dice.next());
    trace.note(`${this.#world.clock.now().toFixed(3)} ${name} ${node.name} ${forMs}`);
    struck.set(name, (struck.get(name) ?? 0) + 1);
    const strike: Strike = strikes[name];
    strike(this.#world, node, forMs);
  }
}
