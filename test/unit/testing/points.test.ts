import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { trials } from '../../simulation/points/trials.js';

/** What is public and returns a promise, and is not tried, with the reason. */
const spared: Readonly<Record<string, string>> = {
  aborted: 'asks no store, and has no limits',
  'Session.open': 'what Client.openSession calls',
  'Session.cleanUp': 'what goes on in the background of every acquisition that is given up, and is harmed there',
};

const promises = /^(Promise|AsyncGenerator|AsyncIterableIterator|AsyncIterable)</;

function isPublic(declaration: ts.Declaration | undefined): boolean {
  if (declaration === undefined || ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal'))
    return false;
  return (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) === 0;
}

/** The public methods that a class itself declares, static ones too. */
function methodsOf({ members, exports: statics }: ts.Symbol): ts.Symbol[] {
  const all = [...(members?.values() ?? []), ...(statics?.values() ?? [])];
  return all.filter(({ valueDeclaration: it }) => {
    return it !== undefined && ts.isMethodDeclaration(it) && !ts.isPrivateIdentifier(it.name) && isPublic(it);
  });
}

/** Every public operation: what `coterie` exports, by `Class.method`, or by the name of a function. */
function operations(entry: string): string[] {
  const options = {
    strict: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    skipLibCheck: true,
  };
  const program = ts.createProgram([entry], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error('The public surface cannot be read.');
  const returns = (symbol: ts.Symbol): boolean => {
    const [signature] = checker.getTypeOfSymbol(symbol).getCallSignatures();
    return signature !== undefined && promises.test(checker.typeToString(signature.getReturnType()));
  };
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (symbol.flags & ts.SymbolFlags.Function) return returns(symbol) ? [symbol.name] : [];
    if (!(symbol.flags & ts.SymbolFlags.Class)) return [];
    return methodsOf(symbol).flatMap((member) => {
      // Disposal is the operation that its comment names.
      const name = member.name.startsWith('__@asyncIterator') ? '[Symbol.asyncIterator]' : member.name;
      return returns(member) && !name.startsWith('__@') ? [`${symbol.name}.${name}`] : [];
    });
  });
}

/** Which of these nobody tries. */
function untried(all: readonly string[], tried: readonly string[]): string[] {
  return all.filter((name) => !tried.includes(name) && !(name in spared));
}

describe('every point of every public operation', () => {
  const all = operations(resolve('src/index.ts'));
  const tried = trials.flatMap(({ of }) => of);

  test('the public operations are found', () => {
    expect(all).toContain('Mutex.acquire');
    expect(all).toContain('Term.resign');
    expect(all).toContain('ConfigCache.open');
    expect(all).toContain('stm');
    expect(all.length).toBeGreaterThan(80);
  });

  test('each of them has a trial', () => {
    expect(untried(all, tried)).toEqual([]);
  });

  test('one that has none is told of', () => {
    const without = tried.filter((name) => name !== 'Mutex.run');
    expect(untried(all, without)).toEqual(['Mutex.run']);
  });

  test('the names of the trials are different', () => {
    expect(new Set(trials.map(({ name }) => name)).size).toBe(trials.length);
  });
}, 60_000);
