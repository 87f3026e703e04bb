import type { SeededRandom } from './seeded-random.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedWorld } from './world.js';

/** Where and how a fault strikes. */
export interface Target {
  readonly world: SimulatedWorld;
  readonly node: SimulatedNode;
  /** How long it lasts, where it lasts. */
  readonly forMs: number;
  readonly random: SeededRandom;
}

/** Strikes, and returns whether there was anything to strike. */
type Fault = (target: Target) => boolean;

/** Begins something at a node, and ends it after its time. */
function lasting(
  begin: (node: SimulatedNode, random: SeededRandom) => void,
  end: (node: SimulatedNode) => void,
): Fault {
  return ({ world, node, forMs, random }) => {
    node.disturb(forMs);
    begin(node, random);
    world.after(forMs, () => {
      node.disturb();
      if (node.state !== 'crashed') end(node);
    });
    return true;
  };
}

/** Something that is over at once, but for what comes of it. */
function sudden(strike: (node: SimulatedNode, random: SeededRandom) => void): Fault {
  return ({ node, random }) => {
    node.disturb();
    strike(node, random);
    return true;
  };
}

function awake({ node }: Target): boolean {
  return !node.clock.frozen;
}

/** Everything that can go wrong, by name. */
const all = {
  /** Messages take much longer. */
  delay: lasting(
    ({ connection }, random) => connection.slow(random.pick([20, 100, 500, 2_000])),
    ({ connection }) => connection.slow(0),
  ),
  /** A request is lost on its way, and the connection with it. */
  dropRequest: sudden(({ connection }) => connection.loseNext('request')),
  /** What was asked is done, the answer is lost, and the connection with it. */
  dropAnswer: sudden(({ connection }) => connection.loseNext('answer')),
  /** Requests are held up, and applied late, though their callers gave up. */
  applyLate: lasting(
    ({ connection }) => connection.hold('requests'),
    ({ connection }) => connection.release('requests'),
  ),
  /** Answers and events are held up. */
  holdAnswers: lasting(
    ({ connection }) => connection.hold('answers'),
    ({ connection }) => connection.release('answers'),
  ),
  /** The connection breaks with all its streams, and is there again soon. */
  breakStreams: sudden(({ connection }, random) => connection.break(random.pick([1, 20, 300]))),
  /** The connection breaks, and there is none for a while. */
  disconnect: ({ node, forMs }) => {
    node.disturb(forMs);
    node.connection.break(forMs);
    return true;
  },
  /** Everything is lost both ways, and nobody is told; it is found out in the end. */
  halfOpen: lasting(
    ({ connection }) => connection.swallow(true),
    ({ connection }) => connection.swallow(false),
  ),
  /** Nothing gets through, either way. */
  partition: lasting(
    ({ connection }) => {
      connection.hold('requests');
      connection.hold('answers');
    },
    ({ connection }) => {
      connection.release('requests');
      connection.release('answers');
    },
  ),
  /** Nobody answers to new connections. */
  refuse: lasting(
    ({ connection }) => connection.refuse(true),
    ({ connection }) => connection.refuse(false),
  ),
  /** The token of authentication has expired, and there is no other for a while. */
  authExpired: lasting(
    ({ connection }) => connection.forgetWho(true),
    ({ connection }) => connection.forgetWho(false),
  ),
  /** The process is stopped (SIGSTOP, a frozen container); time goes on for it. */
  pause: lasting(
    ({ clock }) => clock.freeze(),
    ({ clock }) => clock.thaw(),
  ),
  /** The event loop is busy: a shorter pause. */
  stall: ({ world, node, random }) => {
    const forMs = random.pick([5, 50, 400]);
    node.disturb(forMs);
    node.clock.freeze();
    world.after(forMs, () => node.state !== 'crashed' && node.clock.thaw());
    return true;
  },
  /** The machine sleeps: its monotonic clock stands still too. */
  suspend: lasting(
    ({ clock }) => clock.freeze(true),
    ({ clock }) => clock.thaw(),
  ),
  /** The wall clock is set forward. */
  stepWall: sudden(({ clock, client }, random) => clock.stepWall(random.between(0, 3 * client.store.traits.minTtlMs))),
  /** The process is gone. Another one takes its place after a while. */
  crash: ({ world, node, forMs }) => {
    if (!world.expendable(node)) return false;
    node.crash();
    world.after(forMs, () => world.restart(node));
    return true;
  },
  /** The process is told to end, and does so in order. Another one takes its place after a while. */
  shutdown: (target) => {
    const { world, node, forMs } = target;
    if (!world.expendable(node) || !awake(target)) return false;
    world.shutdown(node);
    world.after(forMs, () => world.restart(node));
    return true;
  },
  /** The leader of the store dies; the next one gives every lease its full time again. */
  failover: ({ world, forMs }) => {
    for (const each of world.nodes) each.disturb(Math.min(forMs, 5_000));
    world.service.failOver(Math.min(forMs, 5_000));
    return true;
  },
  /** The store forgets its history. */
  compact: ({ world }) => {
    world.service.cluster.compact();
    return true;
  },
  /** An event of a watch never comes (etcd #17529, #18089, #19179). Not where a watch goes by state. */
  loseEvent: ({ world, node, forMs }) => {
    if (world.service.personality.watches === 'state') return false;
    node.disturb(forMs);
    node.connection.loseEvents(1);
    return true;
  },
  /** Events come from a member that lags behind. */
  staleMember: lasting(
    ({ connection }, random) => connection.lag(random.pick([100, 1_000, 5_000])),
    ({ connection }) => connection.lag(0),
  ),
  /** The store has no room left: it takes no writes for a while. */
  quota: ({ world, forMs }) => {
    for (const each of world.nodes) each.disturb(forMs);
    world.service.full = true;
    world.after(forMs, () => {
      world.service.full = false;
    });
    return true;
  },
  /** All is lost, and another cluster stands in its place. Every process is started anew. */
  rebuild: ({ world, random }) => world.rebuild(random),
  /** A lease is revoked by an operator. */
  revokeLease: ({ world, random }) => {
    const { leases } = world.truth;
    return leases.length > 0 && world.operator.expire(random.pick(leases).id);
  },
  /** All leases are revoked at once (etcd #15247). */
  revokeAll: ({ world }) => world.operator.expireAll(),
  /** An operator deletes a key. */
  deleteKey: ({ world, random }) => world.operator.deleteAny(random),
  /** An operator overwrites a key. */
  overwriteKey: ({ world, random }) => world.operator.overwriteAny(random),
} satisfies Record<string, Fault>;

/** How a fault is called. */
export type FaultName = keyof typeof all;

/** What strikes, by name. */
export const faults: Readonly<Record<FaultName, Fault>> = all;

/** Every fault there is. Clocks of different rates and offsets are always on. */
export const faultNames = Object.freeze(Object.keys(all)) as readonly FaultName[];
