/** Time and randomness come in through the door: what else would bring them in may not be named in src. */
import ts from 'typescript';
import { type Breach, lineOf, parse, type Source, walk } from './sources.js';

const globals = ['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'globalThis', 'global'];
/** Members of one object. `Math` itself may not be handed on either, since its `random` would go with it. */
const members: Readonly<Record<string, readonly string[]>> = {
  Math: ['random'],
  AbortSignal: ['any', 'timeout'],
  process: ['hrtime', 'uptime'],
};
/** Members of whichever object: `crypto` has too many names for the object to be recognised. */
const membersOfAny = /^(getRandomValues|hrtime|random(Bytes|Fill|FillSync|Int|UUID))$/;

/** The files that are the door. */
const exempt: Readonly<Record<string, readonly string[] | 'all'>> = {
  'src/core/clock.ts': 'all',
  'src/core/signals.ts': 'all',
  'src/testing/virtual-clock.ts': ['setImmediate'],
};

/** Whether an identifier only labels a member or a part of something, and so refers to no variable of its name. */
function isLabel(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return parent.propertyName === node;
  const named = ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent);
  return named && parent.name === node;
}

/** The names that are taken out of an object here: `object.name`, `object['name']`, `const { name } = object`. */
function namesTaken(object: ts.Expression): readonly string[] | undefined {
  const { parent } = object;
  if (ts.isPropertyAccessExpression(parent) && parent.expression === object) return [parent.name.text];
  if (ts.isElementAccessExpression(parent) && parent.expression === object) {
    return ts.isStringLiteralLike(parent.argumentExpression) ? [parent.argumentExpression.text] : undefined;
  }
  if (ts.isVariableDeclaration(parent) && ts.isObjectBindingPattern(parent.name)) {
    const { elements } = parent.name;
    return elements.map(({ propertyName, name }) => (propertyName ?? name).getText());
  }
  return undefined;
}

function bannedMember(node: ts.Identifier): string | undefined {
  const banned = Object.hasOwn(members, node.text) ? members[node.text] : undefined;
  if (banned === undefined || isLabel(node)) return undefined;
  const taken = namesTaken(node);
  if (taken === undefined) return node.text === 'Math' ? 'Math, other than for one of its members' : undefined;
  const hit = taken.find((name) => banned.includes(name));
  return hit === undefined ? undefined : `${node.text}.${hit}`;
}

function bannedName(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) {
    const isMember = ts.isElementAccessExpression(node.parent) && membersOfAny.test(node.text);
    return isMember ? node.text : undefined;
  }
  if (!ts.isIdentifier(node)) return undefined;
  if (membersOfAny.test(node.text)) return node.text;
  if (globals.includes(node.text) && !isLabel(node)) return node.text;
  return bannedMember(node);
}

export function banBreaches(source: Source): Breach[] {
  const { path } = source;
  const allowed = exempt[path] ?? [];
  if (!path.startsWith('src/') || allowed === 'all') return [];
  const breaches: Breach[] = [];
  walk(parse(source), (node) => {
    const name = bannedName(node);
    if (name === undefined || allowed.includes(name)) return;
    const problem = `names ${name}: time and randomness come in through the Clock and the Random of the client`;
    breaches.push({ rule: 'ban', path, line: lineOf(source, node), problem });
  });
  return breaches;
}
