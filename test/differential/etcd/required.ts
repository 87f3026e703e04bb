/** What has to have occurred in a run that is long enough, or equal answers would mean less than they seem to. */
const targets = ['VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'];
const results = ['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'];
const sortTargets = ['KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'];
const orders = ['NONE', 'ASCEND', 'DESCEND'];
const bounds = ['minModRevision', 'maxModRevision', 'minCreateRevision', 'maxCreateRevision'];
const ranges = ['range', 'requestRange'];
const puts = ['put', 'requestPut'];

const compares = targets.flatMap((target) =>
  results.flatMap((result) => ['', ' of a range'].map((range) => `compare ${target} ${result}${range}`)),
);

const ofRanges = ranges.flatMap((range) => [
  ...['key', 'rangeEnd', 'limit', 'serializable', 'keysOnly', 'countOnly'].map((option) => `${range} ${option}`),
  ...['now', 'base', 'now!', 'base!'].map((revision) => `${range} revision ${revision}`),
  ...bounds.map((bound) => `${range} ${bound} now`),
  ...sortTargets.flatMap((target) => orders.map((order) => `${range} sort ${target} ${order}`)),
]);

const ofWrites = [
  ...puts.flatMap((put) =>
    ['value', 'lease lease', 'prevKv', 'ignoreValue', 'ignoreLease'].map((option) => `${put} ${option}`),
  ),
  ...['deleteRange', 'requestDeleteRange'].flatMap((name) =>
    ['key', 'rangeEnd', 'prevKv'].map((option) => `${name} ${option}`),
  ),
  ...['nothing!', 'requestRange', 'requestPut', 'requestDeleteRange', 'requestTxn'].map((step) => `txn of ${step}`),
  ...[1, 2, 3].flatMap((depth) => ['succeeds', 'does not'].map((how) => `txn of depth ${depth} ${how}`)),
  ...['compact', 'compact revision now', 'compact physical', 'range more'],
];

const ofLeases = [
  ...['grant TTL', 'grant ID', 'revoke ID lease', 'leases', 'timeToLive keys'],
  ...['keepAlive', 'timeToLive'].flatMap((call) => [`${call} lives`, `${call} is gone`]),
];

const ofWatches = [
  ...['key', 'rangeEnd', 'prevKv', 'fragment', 'watchId', 'progressNotify', 'filters 0', 'filters 1'].map(
    (option) => `watch ${option}`,
  ),
  ...['watch startRevision now', 'watch startRevision base', 'watch startRevision'],
  ...['event PUT', 'event DELETE', 'event PUT with prevKv', 'event DELETE with prevKv'],
  ...['watch canceled', 'watch compacted', 'watch in fragments', 'progress', 'cancel', 'close'],
  ...['mvcc: duplicate watch ID provided on the WatchStream', 'mvcc: watcher range is empty'].map(
    (text) => `watch error: ${text}`,
  ),
  'watch error: etcdserver: mvcc: required revision has been compacted',
];

const errorsOf: Readonly<Record<string, readonly string[]>> = {
  range: [
    'key is not provided',
    'mvcc: required revision has been compacted',
    'mvcc: required revision is a future revision',
  ],
  put: [
    'key is not provided',
    'key not found',
    'requested lease not found',
    'value is provided',
    'lease is provided',
    'request is too large',
  ],
  deleteRange: ['key is not provided'],
  txn: [
    ...[
      'duplicate key given in txn request',
      'too many operations in txn request',
      'key is not provided',
      'key not found',
    ],
    ...['requested lease not found', 'value is provided', 'lease is provided'],
    ...['mvcc: required revision has been compacted', 'mvcc: required revision is a future revision'],
  ],
  compact: ['mvcc: required revision has been compacted', 'mvcc: required revision is a future revision'],
  grant: ['lease already exists', 'too large lease TTL'],
  revoke: ['requested lease not found'],
};

const errors = Object.entries(errorsOf).flatMap(([call, texts]) =>
  texts.map((text) => `${call} error: etcdserver: ${text}`),
);

export const required: readonly string[] = [
  ...compares,
  ...ofRanges,
  ...ofWrites,
  ...ofLeases,
  ...ofWatches,
  ...errors,
  'put error: larger than max (N, N)',
];
