/**
 * Who may import whom. A list of what is allowed, not of what is forbidden: a file that no row covers is a breach, and
 * so is an import that its row does not name. `biome.json` says the same for editors; lint.test.ts holds the two
 * together.
 */
import { posix } from 'node:path';

export interface Room {
  /** What other rows call this room. */
  readonly name: string;
  /**
   * One file, all files below a folder that ends in `/`, or the files of a folder whose names fit a `*`. The first row
   * that fits a file is its room.
   */
  readonly files: string;
  /** Rooms (its own too, if its files may import each other), packages, and `node:` modules or all of them. */
  readonly mayImport: readonly string[];
  /** Written by a tool: only its imports are checked. */
  readonly generated?: true;
}

const base = ['core', 'errors'];

/**
 * Recipes of more than one file, and the files of each. They may import their own parts beside what every recipe may; the
 * register is under several recipes, as the line is.
 */
const families: Readonly<Record<string, { readonly files: readonly string[]; readonly more?: readonly string[] }>> = {
  line: { files: ['line.ts', 'line-*.ts'] },
  register: { files: ['register.ts', 'register-*.ts'] },
  'read-write': { files: ['read-write-*.ts'] },
  semaphore: { files: ['semaphore*.ts'] },
  'multi-mutex': { files: ['multi-*.ts'] },
  'double-barrier': { files: ['double-barrier*.ts'] },
  queue: { files: ['queue.ts', 'queue-*.ts', '*-queue.ts'] },
  stm: { files: ['stm.ts', 'stm-*.ts'] },
  config: { files: ['config-*.ts'], more: ['node:fs/promises', 'node:path', 'yaml'] },
  group: { files: ['group.ts', 'group-*.ts', 'partitioner.ts', 'partitioner-*.ts'] },
  'service-registry': { files: ['service-registry.ts', 'service-registry-*.ts'] },
};

const familyRooms: readonly Room[] = Object.entries(families).flatMap(([family, { files, more = [] }]) => {
  const name = `recipes/${family}`;
  const mayImport = [...new Set([name, 'recipes/line', ...base, ...more])];
  return files.map((file) => ({ name, files: `src/recipes/${file}`, mayImport }));
});

const surface = ['client', 'recipes', ...Object.keys(families).map((family) => `recipes/${family}`), ...base];
const publicEntries = ['entry', 'testing/index'];

const rooms: readonly Room[] = [
  { name: 'errors', files: 'src/errors.ts', mayImport: [] },
  {
    name: 'core',
    files: 'src/core/',
    mayImport: [...base, 'eventemitter3', 'node:diagnostics_channel', 'node:events'],
  },
  ...familyRooms,
  { name: 'recipes', files: 'src/recipes/', mayImport: ['recipes/line', 'recipes/register', ...base] },
  { name: 'transport/memory', files: 'src/transport/memory/', mayImport: ['transport/memory', ...base] },
  { name: 'transport/etcd/codec', files: 'src/transport/etcd/codec/', mayImport: ['protobufjs'], generated: true },
  {
    name: 'transport/etcd',
    files: 'src/transport/etcd/',
    mayImport: [
      ...['transport/etcd', 'transport/etcd/codec', ...base],
      ...['node:*', '@grpc/grpc-js', 'protobufjs', 'cockatiel'],
    ],
  },
  {
    name: 'transport/consul',
    files: 'src/transport/consul/',
    mayImport: ['transport/consul', ...base, 'node:*', 'cockatiel'],
  },
  {
    name: 'dev',
    files: 'src/dev/',
    mayImport: [
      ...['dev', 'transport/memory', 'transport/etcd', 'transport/etcd/codec', ...base],
      ...['node:*', '@grpc/grpc-js', 'protobufjs'],
    ],
  },
  {
    name: 'testing/index',
    files: 'src/testing/index.ts',
    mayImport: ['testing', 'client', 'transport/memory', ...base],
  },
  {
    name: 'testing',
    files: 'src/testing/',
    mayImport: ['testing', 'client', 'transport/memory', ...base, 'node:events', 'node:v8'],
  },
  { name: 'client', files: 'src/client.ts', mayImport: [...base, 'node:os'] },
  { name: 'entry', files: 'src/index.ts', mayImport: surface },
  { name: 'entry', files: 'src/etcd.ts', mayImport: [...surface, 'transport/etcd'] },
  { name: 'entry', files: 'src/memory.ts', mayImport: [...surface, 'transport/memory'] },
  { name: 'entry', files: 'src/dev.ts', mayImport: ['dev'] },
  { name: 'entry', files: 'src/consul.ts', mayImport: [...surface, 'transport/consul'] },
  { name: 'entry', files: 'src/grpc.ts', mayImport: [...surface, '@grpc/grpc-js'] },
  { name: 'otel', files: 'src/otel/', mayImport: ['otel', ...publicEntries] },
  { name: 'cli', files: 'src/cli/', mayImport: ['cli', ...publicEntries, 'node:*'] },
  {
    name: 'examples/microservices',
    files: 'examples/microservices/',
    mayImport: ['examples/microservices', ...publicEntries, 'node:*', 'node-sqlite3-wasm'],
  },
  { name: 'examples', files: 'examples/', mayImport: ['examples', ...publicEntries, 'node:*', '@grpc/grpc-js'] },
  { name: 'docs', files: 'docs/', mayImport: ['docs', ...publicEntries, 'node:*'] },
  { name: 'docs', files: 'README.md', mayImport: [...publicEntries, 'node:*'] },
  { name: 'bench', files: 'bench/', mayImport: ['bench', ...publicEntries, 'node:*', 'etcd3', '@grpc/grpc-js'] },
];

/** Modules that bring time in by another door than the Clock, denied in src even to those who may import `node:*`. */
const timeModules: readonly string[] = ['node:timers', 'node:timers/promises', 'node:perf_hooks'];

function covers(files: string, path: string): boolean {
  if (files.endsWith('/')) return path.startsWith(files);
  const [start = '', end] = files.split('*');
  if (end === undefined) return path === files;
  return path.startsWith(start) && path.endsWith(end) && !path.slice(start.length).includes('/');
}

export function roomOf(path: string): Room | undefined {
  return rooms.find(({ files }) => covers(files, path));
}

/** The file of this project that an import means, or undefined where it means a package or a part of Node. */
function projectFile(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
  if (specifier === 'coterie') return 'src/index.ts';
  if (specifier === 'coterie/testing') return 'src/testing/index.ts';
  if (!specifier.startsWith('coterie/')) return undefined;
  const name = specifier.slice('coterie/'.length);
  // A longer way is no entry point, and what it would be in src must not make it one.
  return name.includes('/') ? specifier : `src/${name}.ts`;
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return specifier.startsWith('@') ? `${first}/${second}` : first;
}

/** Why a file may not import this, as a sentence, or undefined when it may. */
export function importBreach(from: string, specifier: string): string | undefined {
  const room = roomOf(from);
  if (room === undefined) return undefined;
  const file = projectFile(from, specifier);
  const isNode = specifier.startsWith('node:');
  const target = file === undefined ? (isNode ? specifier : packageOf(specifier)) : roomOf(file)?.name;
  const inside = from.startsWith('src/');
  const denied = inside ? timeModules.includes(specifier) : specifier.startsWith('.') && file?.startsWith('src/');
  const wildcard = isNode && room.mayImport.includes('node:*');
  if (!denied && target !== undefined && (wildcard || room.mayImport.includes(target))) return undefined;
  const allowed = room.mayImport.length === 0 ? 'nothing' : room.mayImport.join(', ');
  return `imports "${specifier}" (${target ?? 'no room'}); ${room.name} may import ${allowed}`;
}
