/**
 * Everything that can be said about the project without running it, in the order of how soon it tells. Each step is a
 * script of package.json and can be run alone; the first that fails ends the run.
 *
 *   node scripts/check.mjs
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const steps = [
  ['check:lint', 'lint, format, rooms'],
  ['check:types', 'types'],
  ['check:architecture', 'architecture'],
  ['check:unused', 'unused files, exports and dependencies'],
  ...(existsSync(join(root, 'scripts/codegen.mjs')) ? [['check:codegen', 'generated code is current']] : []),
  ['build', 'build'],
  ['check:package', 'package manifest and types'],
];

for (const [script, what] of steps) {
  console.log(`\n== ${script}: ${what}`);
  const began = performance.now();
  const { status } = spawnSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'inherit' });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (status !== 0) {
    console.error(`== ${script}: FAILED after ${seconds} s; run it alone with: npm run ${script}`);
    process.exit(1);
  }
  console.log(`== ${script}: ok in ${seconds} s`);
}
