/**
 * What users get: the package is built in a copy of the project, so that neither a stale dist nor a build that runs
 * beside the tests can be what is looked at.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));
/** Not copied: large, or made anew. */
const left = new Set(['.git', '.servers', '.build', 'coverage', 'dist', 'node_modules']);
const root = mkdtempSync(join(tmpdir(), 'coterie-package-'));

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Manifest;

/** Runs a program in the copy. What it printed is in the error when it fails: tsc prints its complaints on stdout. */
async function run(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await execute(program, args, { cwd: root })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')}: ${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

beforeAll(async () => {
  for (const name of readdirSync(projectRoot)) {
    if (!left.has(name)) cpSync(join(projectRoot, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  await run(process.execPath, ['scripts/build.mjs', '--package-only']);
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The names of the packages that a program loads which does nothing but import this. */
async function packagesLoadedBy(specifier: string): Promise<string[]> {
  const probe = join(root, `probe-${specifier.replaceAll(/\W/g, '-')}.mjs`);
  writeFileSync(probe, `import '${specifier}';\n`);
  const loader = fileURLToPath(new URL('loads.mjs', import.meta.url));
  const stdout = await run(process.execPath, [loader, probe]);
  const names = stdout.split('\n').map((line) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(line)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

describe('loading an entry point', () => {
  it.each(['coterie', 'coterie/consul', 'coterie/memory', 'coterie/testing'])(
    '%s loads no transport library',
    async (specifier) => {
      const allowed = ['eventemitter3'];
      expect((await packagesLoadedBy(specifier)).filter((name) => !allowed.includes(name))).toEqual([]);
    },
  );

  it.each(['coterie/dev', 'coterie/etcd', 'coterie/grpc'])(
    '%s loads gRPC, and the one who looks for it sees it',
    async (specifier) => {
      expect(await packagesLoadedBy(specifier)).toContain('@grpc/grpc-js');
    },
  );

  it.each(Object.keys(manifest.dependencies))('%s would be seen', async (name) => {
    expect(await packagesLoadedBy(name)).toContain(name);
  });

  it('every entry point that the package names can be loaded, with its types', () => {
    const targets = Object.values(manifest.exports).flatMap((to) =>
      typeof to === 'string' ? [to] : Object.values(to),
    );
    for (const target of targets) expect(readFileSync(join(root, target)).byteLength).toBeGreaterThan(0);
  });
});

describe('the tarball', () => {
  interface Tarball {
    readonly size: number;
    readonly unpackedSize: number;
    readonly files: readonly { readonly path: string }[];
  }

  async function pack(): Promise<Tarball> {
    const stdout = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']);
    const [tarball] = JSON.parse(stdout) as [Tarball];
    return tarball;
  }

  const expected =
    /^(dist\/.+\.(js|js\.map|d\.ts|d\.ts\.map)|src\/.+\.(ts|js|proto)|docs\/.+|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/;

  it('has the package, the sources that its maps point to, its documents and nothing else, within 1 MB packed', async () => {
    const { files, size, unpackedSize } = await pack();
    const paths = files.map(({ path }) => path);
    expect(paths.filter((path) => !expected.test(path))).toEqual([]);
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/index.js']));
    expect(size).toBeLessThan(1_000_000);
    expect(unpackedSize).toBeLessThan(5_000_000);
  });

  it('and a file that does not belong there is seen', async () => {
    const planted = join(root, 'dist/planted.test.log');
    writeFileSync(planted, 'x');
    const { files } = await pack();
    rmSync(planted);
    expect(files.map(({ path }) => path).filter((path) => !expected.test(path))).toEqual(['dist/planted.test.log']);
  });
});
