import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFolder } from '../servers/compile.js';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The sources and workers as programs that plain Node can run. */
export interface BuiltWorkers extends Disposable {
  /** The path of a worker's program. */
  script(source: URL): string;
}

/**
 * Compiles sources and workers into a folder of their own, in which `coterie` means these sources. Not dist: that may be
 * old, or be built anew beside the test. Types are not looked at; `tsc -p tsconfig.json` does so for all of them.
 */
export function buildWorkers(): BuiltWorkers {
  const parent = join(projectRoot, '.build');
  mkdirSync(parent, { recursive: true });
  const root = mkdtempSync(join(parent, 'workers-'));
  compileFolder(join(projectRoot, 'src'), join(root, 'src'));
  compileFolder(fileURLToPath(new URL('./workers/', import.meta.url)), join(root, 'workers'));
  const exports = { '.': './src/index.js', './consul': './src/consul.js', './etcd': './src/etcd.js' };
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'coterie', type: 'module', exports }));
  return {
    script: (source) => join(root, 'workers', basename(source.pathname).replace(/\.ts$/, '.js')),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
