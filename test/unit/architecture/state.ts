/** No state at the level of a module: two clients in one process must not be able to feel each other. */
import ts from 'typescript';
import { type Breach, lineOf, parse, type Source, walk } from './sources.js';

const collections = ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array'];
/** Instances of these hold nothing that one caller could leave behind for the next. */
const stateless = ['TextEncoder', 'TextDecoder', 'RegExp', 'URL', ...collections];

function isReadonlyType(type: ts.TypeNode | undefined): boolean {
  if (type === undefined) return false;
  if (ts.isTypeOperatorNode(type)) return type.operator === ts.SyntaxKind.ReadonlyKeyword;
  return ts.isTypeReferenceNode(type) && /^Readonly/.test(type.typeName.getText());
}

function isEmptyLiteral(node: ts.Expression): boolean {
  if (ts.isArrayLiteralExpression(node)) return node.elements.length === 0;
  return ts.isObjectLiteralExpression(node) && node.properties.length === 0;
}

function unwrap(node: ts.Expression): { readonly value: ts.Expression; readonly frozen: boolean } {
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) {
    const inner = unwrap(node.expression);
    return {
      value: inner.value,
      frozen: inner.frozen || isReadonlyType(node.type) || /^const$/.test(node.type.getText()),
    };
  }
  const isFreeze = ts.isCallExpression(node) && node.expression.getText() === 'Object.freeze';
  return { value: node, frozen: isFreeze };
}

/** Why the value of a constant is state, or undefined when it is none. */
function problemOf(declaration: ts.VariableDeclaration, exported: boolean): string | undefined {
  if (declaration.initializer === undefined) return undefined;
  const { value, frozen } = unwrap(declaration.initializer);
  if (frozen || isReadonlyType(declaration.type)) return undefined;
  if (ts.isNewExpression(value)) {
    const name = value.expression.getText();
    if (collections.includes(name)) return `is a ${name} that can change: give it a Readonly type, or an owner`;
    return stateless.includes(name) ? undefined : `is an instance of ${name}, shared by all: give it an owner`;
  }
  if (isEmptyLiteral(value)) return 'is an empty literal that can only be there to be filled';
  const isOpen = exported && ts.isArrayLiteralExpression(value);
  return isOpen ? 'is an array that whoever imports it can change: declare it readonly' : undefined;
}

function statementProblems(statement: ts.VariableStatement): { node: ts.Node; problem: string }[] {
  const { declarations, flags } = statement.declarationList;
  if ((flags & ts.NodeFlags.Const) === 0) return [{ node: statement, problem: 'is let or var at the top level' }];
  const exported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
  return declarations.flatMap((declaration) => {
    const problem = problemOf(declaration, exported);
    return problem === undefined ? [] : [{ node: declaration, problem: `${declaration.name.getText()} ${problem}` }];
  });
}

function isMutableStatic(node: ts.Node): boolean {
  if (!ts.isPropertyDeclaration(node)) return false;
  const kinds = node.modifiers?.map(({ kind }) => kind) ?? [];
  return kinds.includes(ts.SyntaxKind.StaticKeyword) && !kinds.includes(ts.SyntaxKind.ReadonlyKeyword);
}

export function stateBreaches(source: Source): Breach[] {
  const { path } = source;
  if (!path.startsWith('src/')) return [];
  const file = parse(source);
  const found = file.statements.filter(ts.isVariableStatement).flatMap(statementProblems);
  walk(file, (node) => {
    if (isMutableStatic(node)) found.push({ node, problem: 'is a static field that can change: state of the module' });
  });
  return found.map(({ node, problem }) => ({ rule: 'state', path, line: lineOf(source, node), problem }));
}
