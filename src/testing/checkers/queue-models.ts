import type { Scalar } from './data-models.js';
import type { Model } from './model.js';
import { show } from './values.js';

/** What is asked of a queue. */
export type QueueInput<V extends Scalar> = ({ readonly op: 'put'; readonly item: V } | { readonly op: 'take' }) & {
  /** The queue, where there are several. */
  readonly key?: string;
};

const partition = ({ key = '' }: { readonly key?: string }): string => key;

/** First in, first out, each once. `take` answers with the item, or with undefined when it is empty. */
export function queueModel<V extends Scalar>(): Model<readonly V[], QueueInput<V>, V | undefined> {
  return {
    name: 'a queue',
    initial: [],
    partition,
    key: (items) => items.map(show).join(),
    isRead: ({ op }, outcome) => op === 'take' && outcome.kind === 'ok' && outcome.output === undefined,
    step(items, input, outcome) {
      if (input.op === 'put') return [[...items, input.item]];
      const [first, ...rest] = items;
      if (outcome.kind === 'ok' && outcome.output !== first) return [];
      return [rest];
    },
  };
}

/**
 * What is asked of a queue whose items are leased: `claim` takes one for a time, `ack` ends it for good, `release` gives it
 * back. Items are unique.
 */
export type LeasedQueueInput<V extends Scalar> = (
  | { readonly op: 'put'; readonly item: V }
  | { readonly op: 'claim'; readonly consumer: string }
  | { readonly op: 'ack' | 'release'; readonly item: V; readonly consumer: string }
) & {
  /** The queue, where there are several. */
  readonly key?: string;
};

/** An item and who has it: nobody is the empty text. In the order in which they were put. */
type Leased<V> = readonly { readonly item: V; readonly consumer: string }[];

function give<V>(items: Leased<V>, at: number, consumer: string): Leased<V> {
  return items.map((each, place) => (place === at ? { ...each, consumer } : each));
}

/**
 * What a claim may get: the oldest item that nobody has, or an older one whose claim has run out, which nobody sees when it
 * happens.
 */
function claims<V extends Scalar>(
  items: Leased<V>,
  consumer: string,
): { readonly item: V; readonly next: Leased<V> }[] {
  const free = items.findIndex((each) => each.consumer === '');
  const within = free < 0 ? items : items.slice(0, free + 1);
  return within.map(({ item }, at) => ({ item, next: give(items, at, consumer) }));
}

/** What becomes of the items when a consumer is done with one, or thinks so; without an answer, what may. */
function finished<V extends Scalar>(
  items: Leased<V>,
  { op, item, consumer }: { readonly op: 'ack' | 'release'; readonly item: V; readonly consumer: string },
  said: boolean | undefined,
): readonly Leased<V>[] {
  const at = items.findIndex((each) => each.item === item && each.consumer === consumer);
  // Its claim had run out, which then is known: it is free again, unless another has it.
  if (at < 0) return said === true ? [] : [items];
  const expired = give(items, at, '');
  if (said === false) return [expired];
  return [op === 'ack' ? items.filter((_, place) => place !== at) : expired];
}

/**
 * First in, first out, at least once: an item that was claimed and not acknowledged may be given out again at any time, as
 * its claim can run out, and before all that were put after it. `claim` answers with the item, or with undefined when there
 * was none; `ack` and `release` with whether the claim was still this consumer's.
 */
export function leasedQueueModel<V extends Scalar>(): Model<Leased<V>, LeasedQueueInput<V>, V | boolean | undefined> {
  return {
    name: 'a queue with leased items',
    initial: [],
    partition,
    key: (items) => items.map(({ item, consumer }) => `${show(item)}:${show(consumer)}`).join(),
    step(items, input, outcome) {
      if (input.op === 'put') return [[...items, { item: input.item, consumer: '' }]];
      const said = outcome.kind === 'ok' ? outcome : undefined;
      // The answer of these is true or false.
      if (input.op !== 'claim') return finished(items, input, said?.output as boolean | undefined);
      if (said !== undefined && said.output === undefined)
        return items.some(({ consumer }) => consumer === '') ? [] : [items];
      const found = claims(items, input.consumer);
      return found.filter(({ item }) => said === undefined || item === said.output).map(({ next }) => next);
    },
  };
}
