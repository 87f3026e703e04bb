import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Mutant } from './mutant.js';
import { mutate } from './mutate.js';

/** The project, as seen from where this file is built to. */
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

function compile(source: string): string {
  const { outputText, diagnostics = [] } = ts.transpileModule(source, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  if (diagnostics.length > 0) throw new Error(ts.flattenDiagnosticMessageText(diagnostics[0]?.messageText, '\n'));
  return outputText;
}

const isCode = (path: string): boolean => !/\.(map|d\.ts)$/.test(path) && !path.includes('/transport/etcd');

/**
 * Makes a package of its own out of a mutant, with the simulations beside it, which then import the mutant as `coterie`.
 * Returns the script that runs them.
 */
export function buildMutant(mutant: Mutant): string {
  const folder = join(root, '.build/mutants', mutant.name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true, filter: isCode });
  cpSync(join(root, '.build/test/simulation'), join(folder, 'simulation'), { recursive: true, filter: isCode });
  writeFileSync(join(folder, 'dist', mutant.file.replace(/\.ts$/, '.js')), compile(mutate(mutant, join(root, 'src'))));
  return join(folder, 'simulation/main.js');
}
