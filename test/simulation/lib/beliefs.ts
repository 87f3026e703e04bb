import type { Hold, Membership, PersistentKey, Registration } from 'coterie';
import type { SimulatedNode, SimulatedWorld } from 'coterie/testing';

/** Something on a lease that comes back by itself, in another incarnation each time. */
type Living = Pick<Membership | PersistentKey | Registration, 'key' | 'state'> & {
  readonly events: {
    on(event: 'state', listener: (state: Membership['state']) => void): () => void;
  };
};

/** It is looked at as often, whatever its watch tells, as the page of PersistentKey promises. */
const lookMs = 30_000;

/**
 * Has what the owner of something that lives on a lease believes of it checked against the store, incarnation by
 * incarnation, under the name of this invariant. Returns how to end that.
 */
export function believe(world: SimulatedWorld, node: SimulatedNode, living: Living, invariant: string): () => void {
  let drop = (): void => {};
  let told: bigint | undefined;
  const look = (): void => {
    const { state } = living;
    const incarnation = state.kind === 'present' ? state.incarnation : undefined;
    if (incarnation === told) return;
    told = incarnation;
    drop();
    drop = (): void => {};
    if (state.kind !== 'present') return;
    world.sometimes('present');
    drop = world.beliefs.add(node, asHold(living, state), { invariant, resource: living.key, lookMs });
  };
  look();
  const forget = living.events.on('state', look);
  return () => {
    forget();
    drop();
  };
}

/** What there is to believe of one incarnation, in the form of a hold. */
function asHold(living: Living, { incarnation, session }: Membership['state'] & { kind: 'present' }): Hold {
  const isHeld = (): boolean => {
    const isLive = session.isLive();
    const { state } = living;
    return isLive && state.kind === 'present' && state.incarnation === incarnation;
  };
  const { key } = living;
  const signal = session.signal;
  // Beliefs look at nothing else of a hold.
  const guards = [{ kind: 'held', key, created: incarnation, lease: session.lease }];
  return { key, token: incarnation, guards, isHeld, signal } as unknown as Hold;
}
