import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { deadLinks, pages, root, type Snippet, snippetsOf } from './snippets.js';

/** What the snippets of the pages may take for given, beside the names of `coterie` itself. */
const given = `
import { etcd as connectEtcd } from 'coterie/etcd';
import { memory as openMemory } from 'coterie/memory';
import { everyPoint, FaultyStore, memoryCluster } from 'coterie/testing';
declare const ca: string, cert: string, key: string, plan: string;
declare const shutdown: AbortSignal, signal: AbortSignal;
declare function stop(): void;
declare function work(token: bigint, signal: AbortSignal): Promise<void>;
declare function schedule(term: Term, signal: AbortSignal): Promise<void>;
export { connectEtcd, everyPoint, FaultyStore, memoryCluster, openMemory };
interface Config { readonly db: { readonly pool: number } }
declare function use(...things: readonly unknown[]): void;
export { type Config, use };
export { ca, cert, key, plan, shutdown, signal, stop, work, schedule };
`;

/** Every name that `coterie` exports. */
const exported: readonly string[] = [
  ...readFileSync(join(root, 'src/index.ts'), 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g),
].flatMap(([, names = '']) => names.split(',').flatMap((name) => name.trim() || []));

/** Imports what a page uses of `coterie`, and neither imports nor declares itself. */
function importsFor(body: string): string {
  const imported = [...body.matchAll(/import (?:type )?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names.split(/[\s,]+/),
  );
  const uses = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(body);
  const declares = (name: string): boolean => new RegExp(`\\b(?:const|let|using)\\s[^=\\n]*\\b${name}\\b`).test(body);
  const wanted = exported.filter((name) => uses(name) && !imported.includes(name) && !declares(name));
  return `import { ${[...new Set(['Client', 'Term', ...wanted])].filter((name) => !imported.includes(name)).join(', ')} } from 'coterie';`;
}

/** One page is one story: a later snippet may use what an earlier one declared. */
function errorsIn(snippets: readonly Snippet[]): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const file = join(root, 'docs-snippets.ts');
  const body = snippets.map(({ code }) => code).join('\n');
  const client = /\bconst client\b/.test(body) ? '' : 'declare const client: Client;';
  const text = `${importsFor(body)}\n${given}\n${client}\n${body}`;
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true) : getSourceFile(name, ...rest);
  host.fileExists = (name) => name === file || fileExists(name);
  const program = ts.createProgram([file], { ...options, noUnusedLocals: false, noEmit: true }, host);
  const source = program.getSourceFile(file);
  const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

const recipePages = readdirSync(join(root, 'docs/recipes')).sort();

/** The recipes in the table of the readme: their names, and the pages to which they lead. */
function recipesInReadme(): { readonly name: string; readonly page: string }[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const links = readme.matchAll(/\[`(\w+)`\]\(docs\/recipes\/([^)#]+)\)/g);
  return [...links].map(([, name = '', page = '']) => ({ name, page }));
}

describe('recipes', () => {
  const headings = ['Promise', 'Example', 'What can go wrong', 'Keys it writes', 'Cost in round trips'];

  test.each(recipePages)('%s has the same five parts as all of them, and leads to its example', (page) => {
    const text = readFileSync(join(root, 'docs/recipes', page), 'utf8');
    const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '');
    expect([...prose.matchAll(/^##? (.*)$/gm)].slice(1).map(([, heading]) => heading)).toEqual(headings);
    expect(text).toContain(`](../../examples/${page.replace(/md$/, 'ts')})`);
  });

  test('every one in the table of the readme is exported, and has a page that names it; every page is in the table', () => {
    const recipes = recipesInReadme();
    const kebab = (name: string) => name.replaceAll(/(?<=.)([A-Z])/g, '-$1').toLowerCase();
    expect(recipes.map(({ page }) => page).sort()).toEqual(recipePages);
    for (const { name, page } of recipes) {
      expect(exported).toContain(name);
      expect(page).toBe(`${kebab(name)}.md`);
      expect(readFileSync(join(root, 'docs/recipes', page), 'utf8')).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  test('every public class that takes a client and a path is in the table', () => {
    const folder = join(root, 'src/recipes');
    const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
    const opened = /^export class (\w+)[^{]*\{(?:(?!^\})[\s\S])*?^ {2}constructor\(client: ClientContext, \w+: /gm;
    const classes = sources.flatMap((source) => [...source.matchAll(opened)].map(([, name = '']) => name));
    const named = recipesInReadme().map(({ name }) => name);
    expect(classes.filter((name) => exported.includes(name) && !named.includes(name))).toEqual([]);
    expect(classes).toEqual(expect.arrayContaining(['Mutex', 'MultiMutex', 'DelayQueue', 'ServiceRegistry']));
  });
});

describe('documentation runs', () => {
  const withSnippets = pages().filter((page) => snippetsOf(page).some(({ file }) => file === undefined));

  test.each(withSnippets)('what %s shows compiles against the public surface', { timeout: 30_000 }, (page) => {
    expect(errorsIn(snippetsOf(page).filter(({ file }) => file === undefined))).toEqual([]);
  });

  test('a snippet that uses what does not exist is found out', { timeout: 30_000 }, () => {
    const [bad] = snippetsOf('planted.md', '```ts\nnew Mutex(client, "/a").acquireNow();\n```\n');
    expect(bad && errorsIn([bad])).toEqual([expect.stringContaining('acquireNow')]);
  });

  test('code that is said to be taken from a file is that file, to the letter', () => {
    const quoted = pages()
      .flatMap((page) => snippetsOf(page))
      .filter(({ file }) => file !== undefined);
    expect(quoted.map(({ file }) => file)).toContain('examples/quick-start.ts');
    for (const { file, code } of quoted) expect(code).toBe(readFileSync(join(root, file ?? ''), 'utf8'));
  });

  test('every relative link leads somewhere', () => {
    expect(pages().flatMap((page) => deadLinks(page, existsSync))).toEqual([]);
    expect(deadLinks('README.md', () => false)).not.toEqual([]);
  });
});
