/**
 * The lint rules are shown to fire, on files planted in a folder of their own under the configuration of the project.
 * The rules about imports are compared with the table of rooms, import by import, so that the two cannot drift apart.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importBreach } from './rooms.js';
import { projectRoot } from './sources.js';

/** Files from which something is imported: one or more of every room. */
const importers = [
  'src/errors.ts',
  'src/core/a.ts',
  'src/recipes/line.ts',
  'src/recipes/line-a.ts',
  'src/recipes/register.ts',
  'src/recipes/register-a.ts',
  'src/recipes/double-barrier-a.ts',
  'src/recipes/service-registry.ts',
  'src/recipes/service-registry-a.ts',
  'src/recipes/queue.ts',
  'src/recipes/queue-a.ts',
  'src/recipes/a-queue.ts',
  'src/recipes/config-a.ts',
  'src/recipes/a.ts',
  'src/recipes/read-write-a.ts',
  'src/recipes/semaphore.ts',
  'src/recipes/semaphore-a.ts',
  'src/recipes/multi-a.ts',
  'src/recipes/group.ts',
  'src/recipes/group-a.ts',
  'src/recipes/partitioner.ts',
  'src/recipes/partitioner-a.ts',
  'src/transport/memory/a.ts',
  'src/transport/etcd/a.ts',
  'src/transport/consul/a.ts',
  'src/dev/a.ts',
  'src/testing/index.ts',
  'src/testing/a.ts',
  'src/testing/deeper/a.ts',
  'src/client.ts',
  'src/index.ts',
  'src/etcd.ts',
  'src/memory.ts',
  'src/consul.ts',
  'src/dev.ts',
  'src/grpc.ts',
  'src/otel/a.ts',
  'src/cli/a.ts',
  'examples/a.ts',
  'examples/deeper/a.ts',
  'examples/microservices/a.ts',
  'examples/microservices/deeper/a.ts',
  'docs/a.ts',
  'bench/a.ts',
  'bench/deeper/a.ts',
];

const importedFiles = [
  ...importers.map((path) => path.replace(/\ba\.ts$/, 'b.ts')),
  'src/transport/etcd/codec/b.js',
  'test/servers/b.ts',
];

const importedModules = [
  ...['eventemitter3', 'cockatiel', '@grpc/grpc-js', 'protobufjs', 'protobufjs/minimal.js', 'etcd3', 'vitest', 'yaml'],
  'node-sqlite3-wasm',
  ...['node:path'],
  ...['node:fs', 'node:fs/promises', 'node:os', 'node:diagnostics_channel'],
  ...['node:timers', 'node:timers/promises', 'node:perf_hooks'],
  ...['coterie', 'coterie/dev', 'coterie/etcd', 'coterie/memory', 'coterie/testing', 'coterie/core/keys'],
];

function specifiersFor(importer: string): string[] {
  const relative = importedFiles
    .filter((path) => path !== importer)
    .map((path) => {
      const way = posix.relative(posix.dirname(importer), path).replace(/\.ts$/, '.js');
      return way.startsWith('.') ? way : `./${way}`;
    });
  return [...relative, ...importedModules];
}

interface Plant {
  readonly rule: string;
  readonly path: string;
  readonly text: string;
}

const plants: readonly Plant[] = [
  ...['Date.now()', 'performance.now()', 'setTimeout(f, 1)', 'setInterval(f, 1)', 'setImmediate(f)'].map((use, n) => {
    const text = `const f = (): void => {};\nexport const used = [f, ${use}] as const;\n`;
    return { rule: 'style/noRestrictedGlobals', path: `src/core/global-${n}.ts`, text };
  }),
  { rule: 'style/noRestrictedGlobals', path: 'src/testing/virtual-clock.ts', text: 'export const x = setTimeout;\n' },
  ...[
    'Math.random()',
    'AbortSignal.any([])',
    'AbortSignal.timeout(1)',
    'crypto.randomUUID()',
    'crypto.getRandomValues(new Uint8Array(1))',
    'globalThis.Date',
    'process.hrtime.bigint()',
  ].map((use, n) => {
    return {
      rule: 'nursery/noJsRestrictedProperties',
      path: `src/core/member-${n}.ts`,
      text: `export const x = ${use};\n`,
    };
  }),
  {
    rule: 'nursery/noFloatingPromises',
    path: 'src/core/floating.ts',
    text: `async function send(): Promise<number> {\n  return 1;\n}\nexport function run(): void {\n  send();\n}\n`,
  },
  {
    rule: 'nursery/noFloatingPromises',
    path: 'src/core/floating-import.ts',
    text: `import { send } from './floating-source.js';\nexport function run(): void {\n  send();\n}\n`,
  },
  {
    rule: 'nursery/noMisusedPromises',
    path: 'src/core/misused.ts',
    text: `const ready = async (): Promise<boolean> => true;\nexport const state = (): string => (ready() ? 'ready' : 'not');\n`,
  },
  {
    rule: 'suspicious/noImportCycles',
    path: 'src/core/cycle-a.ts',
    text: `import { b } from './cycle-b.js';\nexport const a = (): unknown => b;\n`,
  },
  {
    rule: 'suspicious/noImportCycles',
    path: 'src/core/cycle-b.ts',
    text: `import { a } from './cycle-a.js';\nexport const b = (): unknown => a;\n`,
  },
  { rule: 'suspicious/noConsole', path: 'src/core/console.ts', text: `console.log('x');\n` },
  { rule: 'suspicious/noExplicitAny', path: 'src/core/any.ts', text: 'export const x = (y: any): unknown => y;\n' },
  { rule: 'suspicious/noFocusedTests', path: 'test/unit/x.test.ts', text: `it.only('x', () => {});\n` },
  { rule: 'style/noEnum', path: 'src/core/enum.ts', text: 'export enum Color {\n  Red = 1,\n}\n' },
  {
    rule: 'style/noNonNullAssertion',
    path: 'src/core/bang.ts',
    text: 'export const x = (y?: string): string => y!;\n',
  },
  { rule: 'style/noDefaultExport', path: 'src/core/default.ts', text: 'export default 1;\n' },
  {
    rule: 'style/useImportType',
    path: 'src/core/import-type.ts',
    text: `import { Store } from './store.js';\nexport type Mine = Store;\n`,
  },
  { rule: 'style/useFilenamingConvention', path: 'src/core/camelCase.ts', text: 'export const x = 1;\n' },
  { rule: 'style/noExcessiveLinesPerFile', path: 'src/core/long.ts', text: 'export const x = 1;\n'.repeat(401) },
  {
    rule: 'correctness/useImportExtensions',
    path: 'src/core/extension.ts',
    text: `import { send } from './floating-source';\nexport const x = send;\n`,
  },
];

/** Breaks nothing: what the other plants import, and what the doors for time may do. */
const innocent: Readonly<Record<string, string>> = {
  'src/core/floating-source.ts': `export async function send(): Promise<number> {\n  return 1;\n}\n`,
  'src/core/clock.ts': 'export const x = [Date.now(), performance.now(), Math.random(), setTimeout] as const;\n',
  'src/testing/virtual.ts': 'export const later = queueMicrotask;\n',
};

interface Diagnostic {
  readonly path: string;
  readonly rule: string;
  readonly line: number;
}

interface BiomeReport {
  readonly diagnostics: readonly {
    readonly category: string;
    readonly severity: string;
    readonly location: { readonly path: string; readonly start?: { readonly line: number } };
  }[];
}

/** Lints a folder, and gives back what was found to be an error. */
function lint(folder: string): Promise<Diagnostic[]> {
  const biome = join(projectRoot, 'node_modules/@biomejs/biome/bin/biome');
  const options = ['lint', '--reporter=json', '--max-diagnostics=none', '--diagnostic-level=error'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [biome, ...options], { cwd: folder, maxBuffer: 2 ** 26 }, (_, stdout, stderr) => {
      if (!stdout.includes('"diagnostics"')) return reject(new Error(`biome: ${stderr}`));
      const { diagnostics } = JSON.parse(stdout) as BiomeReport;
      resolve(
        diagnostics.map(({ category, location }) => ({
          path: location.path,
          rule: category.replace(/^lint\//, ''),
          line: location.start?.line ?? 0,
        })),
      );
    });
  });
}

describe('planted in a folder of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coterie-lint-'));
  let found: readonly Diagnostic[] = [];

  function plant(path: string, text: string): void {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  beforeAll(async () => {
    copyFileSync(join(projectRoot, 'biome.json'), join(folder, 'biome.json'));
    for (const importer of importers) {
      plant(
        importer,
        specifiersFor(importer)
          .map((specifier) => `import '${specifier}';\n`)
          .join(''),
      );
    }
    for (const { path, text } of plants) plant(path, text);
    for (const [path, text] of Object.entries(innocent)) plant(path, text);
    found = await lint(folder);
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(importers)('imports in %s are refused exactly where the table of rooms refuses them', (importer) => {
    const refused = found.filter(({ path, rule }) => path === importer && rule === 'style/noRestrictedImports');
    const specifiers = specifiersFor(importer);
    const expected = specifiers.filter((specifier) => importBreach(importer, specifier) !== undefined);
    expect(refused.map(({ line }) => specifiers[line - 1]).sort()).toEqual(expected.sort());
    expect(expected).not.toEqual([]);
  });

  it.each(plants.map(({ rule, path }) => [rule, path] as const))('%s fires in %s', (rule, path) => {
    expect(found.filter((diagnostic) => diagnostic.path === path).map((diagnostic) => diagnostic.rule)).toContain(rule);
  });

  it.each(Object.keys(innocent))('nothing fires in %s', (innocentPath) => {
    expect(found.filter(({ path }) => path === innocentPath)).toEqual([]);
  });
});
