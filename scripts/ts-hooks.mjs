import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = new URL('../', import.meta.url);

/** The source that an entry point of the package is made from. */
function sourceOf(specifier) {
  const name = specifier === 'coterie' ? 'index' : specifier.slice('coterie/'.length);
  const found = [`src/${name}.ts`, `src/${name}/index.ts`].find((path) => existsSync(new URL(path, root)));
  if (found === undefined) throw new Error(`There is no source of ${specifier}.`);
  return new URL(found, root).href;
}

/** Imports name what is compiled to; here it is what is compiled from that is there. */
export function resolve(specifier, context, next) {
  if (/^coterie(\/|$)/.test(specifier)) return { url: sourceOf(specifier), shortCircuit: true };
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, shortCircuit: true };
  }
  if (context.parentURL === undefined && specifier.endsWith('.ts')) {
    return { url: specifier.startsWith('file:') ? specifier : pathToFileURL(specifier).href, shortCircuit: true };
  }
  return next(specifier, context);
}

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  verbatimModuleSyntax: true,
  inlineSourceMap: true,
  inlineSources: true,
};

export function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const fileName = fileURLToPath(url);
  const { outputText } = ts.transpileModule(readFileSync(fileName, 'utf8'), { compilerOptions, fileName });
  return { format: 'module', source: outputText, shortCircuit: true };
}
