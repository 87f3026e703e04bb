import ts from 'typescript';
import { type Breach, lineOf, parse, type Source, walk } from './sources.js';

const longestFile = 400;
const longestFunction = 60;

function lines(file: ts.SourceFile, node: ts.Node): number {
  const at = (position: number): number => file.getLineAndCharacterOfPosition(position).line;
  return at(node.getEnd()) - at(node.getStart(file)) + 1;
}

/** Functions that have a body in braces, with their length in lines. */
function functionsOf(file: ts.SourceFile): { readonly node: ts.Node; readonly length: number }[] {
  const found: { node: ts.Node; length: number }[] = [];
  walk(file, (node) => {
    const body = ts.isFunctionLike(node) && 'body' in node ? node.body : undefined;
    if (body !== undefined && ts.isBlock(body)) found.push({ node, length: lines(file, node) });
  });
  return found;
}

function fileLength(source: Source): number {
  return source.text.trimEnd().split('\n').length;
}

export function sizeBreaches(source: Source): Breach[] {
  const { path } = source;
  const breaches: Breach[] = [];
  const length = fileLength(source);
  if (length > longestFile) {
    breaches.push({ rule: 'size', path, line: 1, problem: `has ${length} lines, more than ${longestFile}` });
  }
  for (const { node, length } of functionsOf(parse(source))) {
    if (length <= longestFunction) continue;
    const problem = `is a function of ${length} lines, more than ${longestFunction}`;
    breaches.push({ rule: 'size', path, line: lineOf(source, node), problem });
  }
  return breaches;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** How long files and functions are, by their medians and their longest, in one line for people to read. */
export function sizeReport(sources: readonly Source[]): string {
  const files = sources.map(fileLength);
  const functions = sources.flatMap((source) => functionsOf(parse(source)).map(({ length }) => length));
  const of = (numbers: readonly number[]): string =>
    `median ${median(numbers)}, longest ${Math.max(0, ...numbers)} lines`;
  return `${files.length} files: ${of(files)}; ${functions.length} functions: ${of(functions)}`;
}
