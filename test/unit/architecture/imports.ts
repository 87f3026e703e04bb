import ts from 'typescript';
import { importBreach, roomOf } from './rooms.js';
import { type Breach, lineOf, parse, type Source, walk } from './sources.js';

const computed = Symbol('a name that is not known before the program runs');

function literal(node: ts.Node | undefined): string | typeof computed {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : computed;
}

/** What a node imports, in whichever of the ways the language has. */
function importedBy(node: ts.Node): string | typeof computed | undefined {
  if (ts.isImportDeclaration(node)) return literal(node.moduleSpecifier);
  if (ts.isExportDeclaration(node))
    return node.moduleSpecifier === undefined ? undefined : literal(node.moduleSpecifier);
  if (ts.isImportTypeNode(node))
    return literal(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined);
  if (ts.isExternalModuleReference(node)) return literal(node.expression);
  if (!ts.isCallExpression(node)) return undefined;
  const { expression } = node;
  const isRequire = ts.isIdentifier(expression) && expression.text === 'require';
  return isRequire || expression.kind === ts.SyntaxKind.ImportKeyword ? literal(node.arguments[0]) : undefined;
}

/** Every import of a source, static, type-only, dynamic or re-exported, against the row of its room. */
export function importBreaches(source: Source): Breach[] {
  const breaches: Breach[] = [];
  const { path } = source;
  if (roomOf(path) === undefined) {
    return [{ rule: 'room', path, line: 1, problem: 'belongs to no room: add a row to rooms.ts and to biome.json' }];
  }
  const add = (line: number, problem: string | undefined): void => {
    if (problem !== undefined) breaches.push({ rule: 'import', path, line, problem });
  };
  const file = parse(source);
  for (const reference of [...file.referencedFiles, ...file.typeReferenceDirectives]) {
    add(1, `imports "${reference.fileName}" by a reference comment; use import`);
  }
  walk(file, (node) => {
    const specifier = importedBy(node);
    if (specifier === computed) add(lineOf(source, node), `imports ${computed.description}`);
    else if (specifier !== undefined) add(lineOf(source, node), importBreach(path, specifier));
  });
  return breaches;
}
