import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../servers/run.js';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** What the build of package and examples reads. */
const inputs = [
  ...['src', 'examples', 'scripts', 'package.json', 'package-lock.json'],
  ...['tsconfig.json', 'tsconfig.build.json', 'tsconfig.examples.json'],
];

export interface BuiltProject extends Disposable {
  /** Where dist/ and .build/ are. */
  readonly root: string;
}

/** Builds the project in a copy, so that neither a stale dist nor a build that runs beside the tests is what is tested. */
export async function buildProject(): Promise<BuiltProject> {
  const root = mkdtempSync(join(tmpdir(), 'coterie-built-'));
  const remove = (): void => rmSync(root, { recursive: true, force: true });
  for (const name of inputs) cpSync(join(projectRoot, name), join(root, name), { recursive: true });
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  const { code, stdout, stderr } = await run(process.execPath, ['scripts/build.mjs'], { cwd: root });
  if (code !== 0) {
    remove();
    throw new Error(`The build failed: ${stdout}${stderr}`);
  }
  return { root, [Symbol.dispose]: remove };
}
