/**
 * What must be true of a run. Each check looks at what was told, and gives a sentence for every violation of it. None
 * of them believes a lock or a clock of the library: they go by the revisions of the store and by the one monotonic
 * clock of the machine.
 */
import type { DemoEvent, EventOf } from './events.js';

function ofKind<K extends DemoEvent['kind']>(events: readonly DemoEvent[], kind: K): readonly EventOf<K>[] {
  const found = events.filter((event): event is EventOf<K> => event.kind === kind);
  return found.sort((a, b) => a.atMs - b.atMs);
}

/** No update was lost: the counter is what was acknowledged. A write of which it could not be told may count or not. */
export function checkCounter(events: readonly DemoEvent[], counter: number): string[] {
  const acknowledged = ofKind(events, 'adds').length;
  const unsure = ofKind(events, 'unsure').length;
  if (counter >= acknowledged && counter <= acknowledged + unsure) return [];
  const open = unsure === 0 ? '' : `, and ${unsure} of unknown outcome`;
  return [`The counter is ${counter} after ${acknowledged} acknowledged increments${open}.`];
}

/** In the order in which the store applied them, each write adds one, and none has a lower token than one before. */
export function checkWrites(events: readonly DemoEvent[]): string[] {
  const writes = [...ofKind(events, 'adds')].sort((a, b) => Number(a.revision - b.revision));
  // What was of unknown outcome may have added one unseen.
  const slack = ofKind(events, 'unsure').length;
  return pairs(writes).flatMap(([before, write]) => {
    const wrong: string[] = [];
    if (write.token < before.token) {
      wrong.push(`A stale write was accepted: ${write.who} wrote by token ${write.token} after ${before.token}.`);
    }
    if (write.counter <= before.counter || write.counter > before.counter + 1 + slack) {
      wrong.push(`${write.who} wrote ${write.counter} over the ${before.counter} of ${before.who}.`);
    }
    return wrong;
  });
}

/** Every holder of the lock, and every leader, has a greater token than all before. */
export function checkTokens(events: readonly DemoEvent[]): string[] {
  const sentence = (what: string) => (pair: readonly [EventOf<'holds' | 'leads'>, EventOf<'holds' | 'leads'>]) => {
    const [{ token: before }, { who, token }] = pair;
    return token > before ? [] : [`The token of ${who} (${what}) is ${token}, no greater than ${before} before it.`];
  };
  const holds = pairs(ofKind(events, 'holds')).flatMap(sentence('lock'));
  return [...holds, ...pairs(ofKind(events, 'leads')).flatMap(sentence('term'))];
}

/** Never do two hold the lock, or lead, at the same time: each has lost or given up before the next has. */
export function checkOverlaps(events: readonly DemoEvent[], what: 'lock' | 'term'): string[] {
  const starts = ofKind(events, what === 'lock' ? 'holds' : 'leads');
  const noun = what === 'lock' ? 'holders' : 'leaders';
  return pairs(starts).flatMap(([before, start]) => {
    const over = events.some((event) => ends(event, before, what) && event.atMs <= start.atMs);
    return over ? [] : [`Two ${noun} at once: ${start.who} from ${start.atMs.toFixed(1)} ms on, beside ${before.who}.`];
  });
}

/** Whether an event ends what began so: the worker says so itself, or was stopped and could not act any more. */
function ends(event: DemoEvent, start: EventOf<'holds' | 'leads'>, what: 'lock' | 'term'): boolean {
  if (event.kind === 'kills' || event.kind === 'pauses') {
    return event.halts && event.whom === start.who && event.atMs >= start.atMs;
  }
  if (event.kind === 'loses') return event.what === what && event.who === start.who && event.token === start.token;
  return event.kind === 'releases' && what === 'lock' && event.token === start.token;
}

/** A stale write was tried after a newer one, and refused by hold and store; its author knew of the loss before. */
export function checkStaleWrites(events: readonly DemoEvent[]): string[] {
  const refused = ofKind(events, 'refused');
  const wrong = refused
    .filter((one) => !knewOfLoss(events, one))
    .map(({ who }) => {
      return `${who} tried to write before it was told that it had lost the lock.`;
    });
  if (!refused.some(({ by }) => by === 'holder')) wrong.push('No stale write was refused by its hold.');
  const byStore = refused.some((one) => one.by === 'store' && one.newest > one.token);
  return byStore ? wrong : [...wrong, 'No write with a token older than the last one was refused by the store.'];
}

function knewOfLoss(events: readonly DemoEvent[], refusal: EventOf<'refused'>): boolean {
  const { who, token } = refusal;
  // By place, not by time: what a worker tells, it tells in order.
  const earlier = events.slice(0, events.indexOf(refusal));
  return earlier.some((event) => event.kind === 'loses' && event.who === who && event.token === token);
}

/** Everybody saw the new config. */
export function checkConfig(events: readonly DemoEvent[], config: string, audience: readonly string[]): string[] {
  const seen = ofKind(events, 'config').filter((event) => event.config === config);
  const blind = audience.filter((name) => !seen.some(({ who }) => who === name));
  return blind.map((name) => `${name} never saw the config "${config}".`);
}

/** Nothing is left of the run in the store. */
export function checkLeftovers(keys: readonly string[]): string[] {
  return keys.map((key) => `The key ${key} was left behind.`);
}

function pairs<T>(list: readonly T[]): readonly (readonly [T, T])[] {
  return list.slice(1).map((item, i) => [list[i] as T, item] as const);
}
