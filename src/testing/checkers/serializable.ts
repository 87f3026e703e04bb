import { checkFlag, checkKnown, checkWord } from '../../core/checks.js';
import { type Cycle, findCycles } from './cycles.js';
import { Graph } from './graph.js';
import { AllTransactions, KeyView } from './inference.js';
import { item } from './ints.js';
import { inferList } from './lists.js';
import { line } from './model.js';
import { checkHistory, returnOf } from './operation.js';
import { inferRegister } from './registers.js';
import { timeOrder } from './time-order.js';
import { type Anomaly, type AnomalyName, type Edge, edgeKinds, keysOf, type Transaction } from './transaction.js';
import { show } from './values.js';

/** What a store promises of its transactions, each level with all that the ones before it keep out. */
export type IsolationLevel =
  | 'read-uncommitted'
  | 'read-committed'
  | 'snapshot'
  | 'serializable'
  | 'strict-serializable';

export interface SerializableOptions {
  /** Default `strict-serializable`: as if one after the other, each at one moment between call and return. */
  readonly level?: IsolationLevel;
  /** Whether the order within a process must be kept as well. Default: at the strict level only, which implies it. */
  readonly processes?: boolean;
}

/** What a check of transactions came to. `describe()` says it in words. */
export interface Serializability {
  /** `legal`: nothing was found that the level keeps out. More may be wrong that no read shows. */
  readonly verdict: 'legal' | 'illegal';
  readonly level: IsolationLevel;
  /** What the level keeps out. */
  readonly anomalies: readonly Anomaly[];
  /** What was found and the level lets pass. */
  readonly allowed: readonly Anomaly[];
  describe(): string;
}

const levels: readonly IsolationLevel[] = [
  'read-uncommitted',
  'read-committed',
  'snapshot',
  'serializable',
  'strict-serializable',
];

/** The first level that keeps an anomaly out. */
const keptOutAt: readonly (readonly [IsolationLevel, readonly string[]])[] = [
  ['read-uncommitted', ['G0', 'duplicates', 'unwritten-read', 'incompatible-order', 'cyclic-versions']],
  ['read-committed', ['G1a', 'G1b', 'G1c', 'internal', 'dirty-update']],
  ['snapshot', ['G-single', 'G-nonadjacent', 'lost-update', 'fuzzy-read']],
  ['serializable', ['G2-item']],
];

/** Whether a level keeps an anomaly out. What needs the order of processes or time was looked for only where it counts. */
function isKeptOut(name: AnomalyName, level: IsolationLevel): boolean {
  const base = name.replace(/-(process|realtime)$/, '');
  const from = keptOutAt.find(([, names]) => names.includes(base));
  return from !== undefined && levels.indexOf(from[0]) <= levels.indexOf(level);
}

function processOrder(transactions: readonly Transaction[], counts: (number: number) => boolean): Edge[] {
  const last = new Map<string, number>();
  const edges: Edge[] = [];
  const numbers = [...transactions.keys()].filter(counts);
  numbers.sort((a, b) => item(transactions, a).callMs - item(transactions, b).callMs);
  for (const to of numbers) {
    const { kind, process, callMs } = item(transactions, to);
    const from = last.get(process);
    if (from !== undefined && returnOf(item(transactions, from)) <= callMs)
      edges.push({ from, to, kind: edgeKinds.process });
    // One whose end nobody knows says nothing about what the process did after it.
    if (kind === 'ok') last.set(process, to);
  }
  return edges;
}

function realtimeOrder(transactions: readonly Transaction[], counts: (number: number) => boolean): Edge[] {
  const numbers = [...transactions.keys()].filter(counts);
  const spans = numbers.map((number) => {
    const transaction = item(transactions, number);
    return { callMs: transaction.callMs, returnMs: returnOf(transaction) };
  });
  return timeOrder(spans).map(([from, to]) => {
    return { from: item(numbers, from), to: item(numbers, to), kind: edgeKinds.time };
  });
}

function reasonOf({ kind, key, value }: Edge): string {
  const of = `${show(key)}`;
  if (kind === edgeKinds.ww) return `wrote ${of} before it was written as ${show(value)} by`;
  if (kind === edgeKinds.wr) return `wrote ${of} as ${show(value)}, which was read by`;
  if (kind === edgeKinds.rw) return `read ${of} without ${show(value)}, which was written by`;
  return kind === edgeKinds.process ? 'was done before, by the same process,' : 'was over before the call of';
}

function cycleAnomaly({ name, edges }: Cycle, transactions: readonly Transaction[]): Anomaly {
  const numbers = edges.map(({ from }) => from);
  const label = (number: number): string => `T${numbers.indexOf(number) + 1}`;
  const sentence = [
    'Each of these comes before the next, and the last before the first:',
    ...[...new Set(numbers)].map((number) => `    ${label(number)} = ${line(item(transactions, number))}`),
    ...edges.map((edge) => `  ${label(edge.from)} ${reasonOf(edge)} ${label(edge.to)}`),
  ].join('\n');
  return { name, transactions: numbers.map((number) => item(transactions, number)), sentence };
}

function describe(level: IsolationLevel, anomalies: readonly Anomaly[]): string {
  if (anomalies.length === 0) return `Nothing was found that ${level} keeps out.`;
  return anomalies.map(({ name, sentence }) => `${name}, which ${level} keeps out. ${sentence}`).join('\n\n');
}

/**
 * Looks for anomalies in a history of transactions: from values that are unique for each key it is inferred who wrote before
 * whom and who read what; transactions in a circle cannot have been done one after the other. After Elle (Kingsbury and
 * Alvaro, 2020). A transaction of unknown outcome counts as done where its writes were read. Linear in the number of
 * accesses, with lists that are read counted by their lengths.
 *
 * What it reports did happen. What no read shows it cannot find: let transactions read what they write to.
 *
 * Throws `INVALID_OPTION` and `UNKNOWN_OPTION` for input it cannot take.
 */
export function checkSerializable(
  transactions: readonly Transaction[],
  options: SerializableOptions = {},
): Serializability {
  checkHistory(transactions);
  checkKnown(options, ['level', 'processes'], 'checkSerializable');
  checkWord(options.level, 'level', levels);
  checkFlag(options.processes, 'processes');
  const { level = 'strict-serializable' } = options;
  const strict = level === 'strict-serializable';
  const processes = options.processes ?? strict;
  const keys = keysOf(transactions);
  const all = new AllTransactions(transactions, keys);
  for (const key of keys) {
    const view = new KeyView(key, all);
    if (key.kind === 'list') inferList(view);
    else inferRegister(view, transactions, strict);
  }
  const counts = (number: number): boolean => all.isIn(number);
  const order = processes ? processOrder(transactions, counts) : [];
  const time = strict ? realtimeOrder(transactions, counts) : [];
  const graph = new Graph(transactions.length, [...all.edges, ...order, ...time]);
  const cycles = findCycles(graph, [
    ...(processes ? ['process' as const] : []),
    ...(strict ? ['realtime' as const] : []),
  ]);
  const found = [...all.anomalies, ...cycles.map((cycle) => cycleAnomaly(cycle, transactions))];
  const anomalies = found.filter(({ name }) => isKeptOut(name, level));
  const allowed = found.filter(({ name }) => !isKeptOut(name, level));
  const verdict = anomalies.length === 0 ? 'legal' : 'illegal';
  return { verdict, level, anomalies, allowed, describe: () => describe(level, anomalies) };
}
