import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

/** Code with the path it has, or is pretended to have, in the project. */
export interface Source {
  readonly path: string;
  readonly text: string;
  /** The line of `path` at which `text` begins, from 0. */
  readonly firstLine: number;
}

/** Something that is not as it should be, and where. */
export interface Breach {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly problem: string;
}

const codeFile = /\.[cm]?[jt]sx?$/;

/** The code in the fences of a document, each at its line. */
function fences(path: string, text: string): Source[] {
  const found: Source[] = [];
  for (const match of text.matchAll(/^```(?:ts|typescript|js|javascript)\b.*\n([\s\S]*?)^```/gm)) {
    const firstLine = text.slice(0, match.index).split('\n').length;
    found.push({ path, text: match[1] ?? '', firstLine });
  }
  return found;
}

function read(path: string): Source[] {
  const text = readFileSync(join(projectRoot, path), 'utf8');
  return path.endsWith('.md') ? fences(path, text) : [{ path, text, firstLine: 0 }];
}

function filesUnder(path: string): string[] {
  const full = join(projectRoot, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  return readdirSync(full).flatMap((name) => filesUnder(posix.join(path, name)));
}

/** All code that users run or read: of the package, the examples, the benchmarks and the documentation. */
export function projectSources(): Source[] {
  const paths = ['src', 'examples', 'bench', 'docs', 'README.md'].flatMap(filesUnder);
  return paths.filter((path) => codeFile.test(path) || path.endsWith('.md')).flatMap(read);
}

export function parse(source: Source): ts.SourceFile {
  return ts.createSourceFile(source.path, source.text, ts.ScriptTarget.ES2022, true);
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The line of a node in its file, from 1. */
export function lineOf(source: Source, node: ts.Node): number {
  const file = node.getSourceFile();
  return source.firstLine + file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}
