/** What the comparison of watches notices by itself, whatever another server does. */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Names } from '../../differential/etcd/names.js';
import type { PlainFields } from '../../differential/etcd/plain.js';
import { WatchStream } from '../../differential/etcd/watch-stream.js';

/** A stream of which the test says what comes on it: a watch first, and then this. */
async function seen(...messages: readonly PlainFields[]): Promise<unknown> {
  const names = new Names();
  names.begin(10n);
  const call = Object.assign(new EventEmitter(), {
    write: () => call.emit('data', { watchId: 0n, created: true, header: { revision: 10n } }),
    cancel: () => {},
  });
  // Only these parts of a call are used.
  const stream = new WatchStream(call as never, names, (message) => message as PlainFields);
  await stream.create({}, 0n);
  stream.takeSeen();
  for (const message of messages) call.emit('data', message);
  return Object.values(stream.takeSeen()).flat();
}

const event = (modRevision: bigint): PlainFields => ({ kv: { key: 'a', modRevision } });
const message = (revision: bigint, ...revisions: readonly bigint[]): PlainFields => {
  return { header: { revision }, events: revisions.map(event) };
};
const shown = (revision: number) => ({ kv: { key: 'a', modRevision: `base + ${revision - 10}` } });

describe('a watch', () => {
  it('may get several revisions in one message, or one in each', async () => {
    const events = [shown(11), shown(12)];
    expect(await seen(message(12n, 11n, 12n))).toEqual(events);
    expect(await seen(message(11n, 11n), message(12n, 12n))).toEqual(events);
  });

  it('gets no revision in two messages, unless the first says that there is more', async () => {
    const split = 'one revision in two messages';
    expect(await seen(message(11n, 11n), message(11n, 11n))).toEqual([shown(11), split, shown(11)]);
    const fragment = { ...message(11n, 11n), fragment: true };
    expect(await seen(fragment, message(11n, 11n))).toEqual([shown(11), shown(11)]);
    expect(await seen(fragment, message(11n, 11n), message(11n, 11n))).toContain(split);
  });

  it('gets revisions in their order, and none from beyond its message', async () => {
    expect(await seen(message(12n, 12n), message(12n, 11n))).toContain('an earlier revision after a later one');
    expect(await seen(message(11n, 12n))).toContain('events above the revision of their header');
  });

  it('gets nothing that it was told to have seen', async () => {
    const progress = { watchId: -1n, header: { revision: 12n } };
    expect(await seen(progress, message(13n, 12n))).toContain('events below the progress that was told');
    expect(await seen(progress, message(13n, 13n))).toEqual([shown(13)]);
  });

  it('gets nothing that nobody asked for', async () => {
    expect(await seen({ ...message(11n, 11n), watchId: 7n })).toContain('events of a watch that is not there');
  });
});
