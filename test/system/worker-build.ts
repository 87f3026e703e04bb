import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The sources and workers as programs that plain Node can run. */
export interface BuiltWorkers extends Disposable {
  /** The path of a worker's program. */
  script(source: URL): string;
}

function compile(from: string, to: string): void {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    inlineSourceMap: true,
    inlineSources: true,
  };
  const { outputText } = ts.transpileModule(readFileSync(from, 'utf8'), { compilerOptions, fileName: from });
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, outputText);
}

/** What is TypeScript is compiled, each file for itself; the codec is JavaScript as it is. */
function compileFolder(from: string, to: string): void {
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.d.ts')) continue;
    if (name.endsWith('.ts')) compile(join(from, name), join(to, name.replace(/\.ts$/, '.js')));
    else if (name.endsWith('.js')) cpSync(join(from, name), join(to, name));
  }
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
