/** One-field lies about what a server said, each of which the comparison has to notice. */
import { isFields, type Plain, type PlainFields } from './plain.js';
import type { Tamper } from './watch-stream.js';

type Change = (value: Plain | undefined, answer: PlainFields) => Plain | undefined;

function changed(answer: PlainFields, field: string, change: Change): PlainFields {
  const { [field]: value, ...others } = answer;
  const next = change(value, answer);
  return next === undefined ? others : { ...others, [field]: next };
}

/** Changes a field of the answers to one kind of call, where that field is set. */
function inAnswersTo(what: string, field: string, change: Change): Tamper {
  return (call, answer) => (call === what && answer[field] !== undefined ? changed(answer, field, change) : answer);
}

/** Changes the elements of a list in the answers to one kind of call. */
function inList(
  what: string,
  list: string,
  change: (elements: readonly PlainFields[]) => readonly PlainFields[],
): Tamper {
  return inAnswersTo(what, list, (elements) => change(elements as readonly PlainFields[]));
}

const more: Change = (value) => (value as bigint) + 1n;
const none: Change = () => undefined;

const inEach = (field: string, change: Change) => (elements: readonly PlainFields[]) =>
  elements.map((element) => (element[field] === undefined ? element : changed(element, field, change)));

const inKv = (field: string, change: Change) =>
  inEach('kv', (kv) => (isFields(kv) && kv[field] !== undefined ? changed(kv, field, change) : kv));

/** Splits what one message of a watch says of one revision, by hiding every event of it but the first. */
const onlyFirst = (elements: readonly PlainFields[]): readonly PlainFields[] => elements.slice(0, 1);

export const tampers: Readonly<Record<string, Tamper>> = {
  'the revision of a header': inAnswersTo('range', 'header', (header) =>
    changed(header as PlainFields, 'revision', more),
  ),
  'a member that does not say who it is': inAnswersTo('put', 'header', (header) =>
    changed(header as PlainFields, 'memberId', none),
  ),
  'a count': inAnswersTo('range', 'count', more),
  'more, where there is': inAnswersTo('range', 'more', none),
  'the order of entries': inList('range', 'kvs', (kvs) => [...kvs].reverse()),
  'an entry too few': inList('range', 'kvs', (kvs) => kvs.slice(1)),
  'a version': inList('range', 'kvs', inEach('version', more)),
  'a revision of creation': inList('range', 'kvs', inEach('createRevision', more)),
  'a revision of modification': inList('range', 'kvs', inEach('modRevision', more)),
  'a value': inList(
    'range',
    'kvs',
    inEach('value', (value) => `${String(value)}?`),
  ),
  'the lease of an entry': inList('range', 'kvs', inEach('lease', none)),
  'what a put replaced': inAnswersTo('put', 'prevKv', none),
  'how many were deleted': inAnswersTo('deleteRange', 'deleted', more),
  'what was deleted': inList('deleteRange', 'prevKvs', (kvs) => kvs.slice(1)),
  'whether a transaction succeeded': inAnswersTo('txn', 'succeeded', none),
  'an answer within a transaction': inList('txn', 'responses', (responses) => responses.slice(1)),
  'the code of an error': inAnswersTo('txn', 'code', (code) => (code as number) + 1),
  'the words of an error': inAnswersTo('compact', 'details', (text) => `${String(text)}!`),
  'the time that was granted': inAnswersTo('grant', 'TTL', more),
  'that a lease is gone': (call, answer) =>
    call === 'keepAlive' && answer['TTL'] === undefined ? { ...answer, TTL: 60n } : answer,
  'ten seconds of a lease': inAnswersTo('timeToLive', 'TTL', (ttl) =>
    (ttl as bigint) > 0n ? (ttl as bigint) - 10n : ttl,
  ),
  'the keys of a lease': inAnswersTo('timeToLive', 'keys', none),
  'a lease in the list': inList('leases', 'leases', (leases) => leases.slice(1)),
  'the type of an event': inList('watch', 'events', inEach('type', none)),
  'the order of events': inList('watch', 'events', (events) => [...events].reverse()),
  'events of one revision but the first': inList('watch', 'events', onlyFirst),
  'an event twice': inList('watch', 'events', (events) => [...events, ...events.slice(-1)]),
  'the key of an event': inList(
    'watch',
    'events',
    inKv('key', (key) => `${String(key)}!`),
  ),
  'what was there before an event': inList('watch', 'events', inEach('prevKv', none)),
  'why a watch was refused': inAnswersTo('watch', 'cancelReason', none),
  'the revision that a watch is too old for': inAnswersTo('watch', 'compactRevision', more),
  'the id of a watch': (call, answer) =>
    call === 'watch' && answer['created'] === true && answer['watchId'] === 1n
      ? changed(answer, 'watchId', none)
      : answer,
};
