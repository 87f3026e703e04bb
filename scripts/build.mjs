/**
 * Builds the package into dist/, and then the programs that use it (examples, benchmarks,
 * simulations) into .build/, where they import `coterie` through
 * the exports of package.json as a user's program would.
 *
 *   node scripts/build.mjs [--force] [--package-only]
 *
 * A part is skipped when its inputs and its outputs are byte for byte those of the last build: outputs too, so that a
 * deleted or altered file in dist is noticed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const stamps = join(root, '.build', 'stamps');

/** All files under these paths of the project, as absolute paths in a fixed order. A path may not exist. */
function filesUnder(paths) {
  return paths.flatMap((path) => {
    const full = join(root, path);
    if (!existsSync(full)) return [];
    const entries = readdirSync(full, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  });
}

function hashOf(files) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...files].sort()) {
    if (!existsSync(file)) continue;
    const content = readFileSync(file);
    hash.update(`${relative(root, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function run(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');

/** The checked-in codec is JavaScript with hand-made types beside it: tsc reads it, but does not copy it. */
function copyCodec() {
  const from = join(root, 'src/transport/etcd/codec');
  if (!existsSync(from)) return;
  const to = join(root, 'dist/transport/etcd/codec');
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (/\.js$|\.d\.ts$/.test(name)) cpSync(join(from, name), join(to, name));
  }
}

function buildPackage() {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(tsc, ['-p', 'tsconfig.build.json']);
  copyCodec();
}

/** What uses the package as a user's program would. */
const programs = ['examples', 'bench', 'test/simulation', 'test/mutants'];

function buildExamples() {
  for (const folder of programs) rmSync(join(root, '.build', folder), { recursive: true, force: true });
  const sources = filesUnder(programs).filter((file) => file.endsWith('.ts'));
  if (sources.length > 0) run(tsc, ['-p', 'tsconfig.examples.json']);
}

const common = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts/build.mjs'].map((f) => join(root, f));

const parts = {
  package: {
    inputs: () => [...common, join(root, 'tsconfig.build.json'), ...filesUnder(['src'])],
    outputs: () => filesUnder(['dist']),
    build: buildPackage,
  },
  examples: {
    inputs: () => [...common, join(root, 'tsconfig.examples.json'), ...filesUnder(['dist', ...programs])],
    outputs: () => filesUnder(programs.map((folder) => `.build/${folder}`)),
    build: buildExamples,
  },
};

function buildPart(name) {
  const { inputs, outputs, build } = parts[name];
  const stamp = join(stamps, name);
  const before = hashOf(inputs());
  const last = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  if (!process.argv.includes('--force') && last === `${before} ${hashOf(outputs())}\n`) return;
  rmSync(stamp, { force: true });
  const began = performance.now();
  build();
  mkdirSync(stamps, { recursive: true });
  // The inputs as they were before: what was edited during the build is then built again the next time.
  writeFileSync(stamp, `${before} ${hashOf(outputs())}\n`);
  console.log(`build: ${name} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

buildPart('package');
if (!process.argv.includes('--package-only')) buildPart('examples');
