import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

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
export function compileFolder(from: string, to: string): void {
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.d.ts')) continue;
    if (name.endsWith('.ts')) compile(join(from, name), join(to, name.replace(/\.ts$/, '.js')));
    else if (name.endsWith('.js')) cpSync(join(from, name), join(to, name));
  }
}
