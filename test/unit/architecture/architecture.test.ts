import { describe, expect, it } from 'vitest';
import { check, describeBreach } from './checker.js';
import { roomOf } from './rooms.js';
import { sizeReport } from './sizes.js';
import { projectSources } from './sources.js';

/** The rules that a file of this path and text breaks. */
function breaks(path: string, text: string): string[] {
  return [...new Set(check([{ path, text, firstLine: 0 }]).map(({ rule }) => rule))];
}

describe('the project', () => {
  const sources = projectSources();

  it('keeps to its rooms, its doors for time and randomness, and its sizes', () => {
    expect(check(sources).map(describeBreach)).toEqual([]);
  });

  it('was read at all', () => {
    const read = new Set(sources.map(({ path }) => roomOf(path)?.name));
    expect([...read]).toEqual(expect.arrayContaining(['errors', 'core']));
    const own = sources.filter(({ path }) => path.startsWith('src/') && !roomOf(path)?.generated);
    console.info(`src: ${sizeReport(own)}`);
  });
});

describe('a planted breach of the rooms is seen', () => {
  const recipe = 'src/recipes/planted.ts';

  it.each([
    ['a static import', `import { Etcd } from '../transport/etcd/store.js';`],
    ['a type-only import', `import type { Etcd } from '../transport/etcd/store.js';`],
    ['an import for its side effect', `import '../transport/etcd/store.js';`],
    ['a re-export', `export { Etcd } from '../transport/etcd/store.js';`],
    ['a re-export of everything', `export * from '../transport/etcd/store.js';`],
    ['a dynamic import', `export const load = () => import('../transport/etcd/store.js');`],
    ['a dynamic import of a computed name', `export const load = (name: string) => import(name);`],
    ['an import in a type', `export type Etcd = import('../transport/etcd/store.js').Etcd;`],
    ['a require', `const etcd = require('../transport/etcd/store.js');`],
    ['an import equals', `import etcd = require('../transport/etcd/store.js');`],
    ['a reference comment', `/// <reference path="../transport/etcd/store.ts" />`],
    ['another recipe', `import { Mutex } from './mutex.js';`],
    ['a package that the row does not name', `import { Client } from '@grpc/grpc-js';`],
    ['a part of Node that the row does not name', `import { readFileSync } from 'node:fs';`],
    ['an entry point by the name of the package', `import { Mutex } from 'coterie';`],
    ['the way round by the folders above', `import { Etcd } from '../core/../transport/etcd/store.js';`],
    ['a file outside src', `import { x } from '../../test/x.js';`],
  ])('%s', (_, text) => {
    expect(breaks(recipe, text)).toEqual(['import']);
  });

  it('a file in a folder that has no row', () => {
    expect(breaks('src/helpers/x.ts', 'export const x = 1;')).toEqual(['room']);
    expect(breaks('src/helper.ts', 'export const x = 1;')).toEqual(['room']);
  });

  it('a public module that pulls in a transport other than its own', () => {
    const text = `export { Etcd } from './transport/etcd/store.js';`;
    expect(breaks('src/index.ts', text)).toEqual(['import']);
    expect(breaks('src/memory.ts', text)).toEqual(['import']);
    expect(breaks('src/etcd.ts', text)).toEqual([]);
  });

  it('an example, a benchmark or a document that reaches behind the entry points', () => {
    for (const path of ['examples/demo.ts', 'bench/index.ts', 'docs/guide.md', 'README.md']) {
      expect(breaks(path, `import { keyText } from '../src/core/keys.js';`)).toEqual(['import']);
      expect(breaks(path, `import { keyText } from 'coterie/core/keys';`)).toEqual(['import']);
      expect(breaks(path, `import { Mutex } from 'coterie';\nimport { etcd } from 'coterie/etcd';`)).toEqual([]);
    }
  });

  it('timers of Node under their module names, where all of node: is allowed', () => {
    const text = `import { setTimeout as sleep } from 'node:timers/promises';`;
    expect(breaks('src/transport/etcd/x.ts', text)).toEqual(['import']);
    expect(breaks('examples/demo.ts', text)).toEqual([]);
  });

  it('and what the row names is let through', () => {
    const text = `import { Line } from './line.js';\nimport type { Store } from '../core/store.js';\nexport * from '../errors.js';`;
    expect(breaks(recipe, text)).toEqual([]);
  });
});

describe('a planted use of time or randomness is seen', () => {
  it.each([
    'export const now = Date.now();',
    'export const at = (x: Date) => x;',
    'export const now = performance.now();',
    'setTimeout(() => {}, 1);',
    'setInterval(() => {}, 1);',
    'setImmediate(() => {});',
    'export const timers = { setTimeout };',
    'export const now = globalThis.Date.now();',
    'export const x = Math.random();',
    `export const x = Math['random']();`,
    'const { random } = Math;',
    'const { random: r } = Math;',
    'export const m = Math;',
    'export const s = AbortSignal.any([]);',
    'export const s = AbortSignal.timeout(1);',
    'const { timeout } = AbortSignal;',
    'export const id = crypto.randomUUID();',
    'export const id = crypto.getRandomValues(new Uint8Array(8));',
    `import { randomBytes as bytes } from 'node:crypto';`,
    `import * as c from 'node:crypto';\nexport const id = c.randomInt(3);`,
    `import * as c from 'node:crypto';\nexport const id = c['randomUUID']();`,
    'export const t = process.hrtime.bigint();',
    'export const t = process.uptime();',
  ])('%s', (text) => {
    // In a room that may import node: modules, so that only the ban itself can be what is seen.
    expect(breaks('src/transport/etcd/planted.ts', text)).toEqual(['ban']);
  });

  it('but not in the two files that are the door', () => {
    const text = 'export const x = [Date.now(), Math.random(), setTimeout(() => {}, 1)] as const;';
    expect(breaks('src/core/clock.ts', text)).toEqual([]);
    expect(breaks('src/core/signals.ts', text)).toEqual([]);
  });

  it('and the virtual clock may turn the event loop, and nothing else', () => {
    expect(breaks('src/testing/virtual-clock.ts', 'setImmediate(() => {});')).toEqual([]);
    expect(breaks('src/testing/virtual-clock.ts', 'setTimeout(() => {}, 1);')).toEqual(['ban']);
  });

  it('and members that only share a name are let through', () => {
    const text = `queueMicrotask(() => {});\nexport const x = { setTimeout: 1, any: Math.max(1, 2) };\nexport const y = x.setTimeout;`;
    expect(breaks('src/core/planted.ts', text)).toEqual([]);
  });
});

describe('planted state of a module is seen', () => {
  it.each([
    'let count = 0;',
    'export let count = 0;',
    'var count = 0;',
    'const cache = new Map<string, number>();',
    'export const known = new Set([1]);',
    'const owners = new WeakMap<object, number>();',
    'const queue: number[] = [];',
    'const table: Record<string, number> = {};',
    'export const names = ["a", "b"];',
    'const shared = new Emitter();',
    'export class Client { static instances = 0; }',
  ])('%s', (text) => {
    expect(breaks('src/core/planted.ts', text)).toEqual(['state']);
  });

  it.each([
    'export const known: ReadonlySet<number> = new Set([1]);',
    'export const table: ReadonlyMap<string, number> = new Map();',
    'export const names = ["a", "b"] as const;',
    'export const names: readonly string[] = ["a", "b"];',
    'export const frozen = Object.freeze(["a"]);',
    'const utf8 = new TextEncoder();',
    'export class Client { static readonly limit = 5; #count = 0; }',
    'export function f(): number { let n = 0; n++; return n; }',
  ])('but not: %s', (text) => {
    expect(breaks('src/core/planted.ts', text)).toEqual([]);
  });
});

describe('planted excess of size is seen', () => {
  const block = (lines: number): string => `{\n${'  f();\n'.repeat(lines - 2)}}`;

  it.each([
    ['function', `export function long(): void ${block(61)}`],
    ['arrow function', `export const long = (): void => ${block(61)};`],
    ['constructor', `export class A { constructor() ${block(61)} }`],
    ['method', `export class A { long(): void ${block(61)} }`],
  ])('a %s of 61 lines', (_, text) => {
    expect(breaks('src/core/planted.ts', text)).toEqual(['size']);
  });

  it('a file of 401 lines', () => {
    expect(breaks('src/core/planted.ts', 'f();\n'.repeat(401))).toEqual(['size']);
    expect(breaks('src/core/planted.ts', 'f();\n'.repeat(400))).toEqual([]);
  });

  it('but not a function of 60 lines, and not generated code', () => {
    expect(breaks('src/core/planted.ts', `export function long(): void ${block(60)}`)).toEqual([]);
    expect(breaks('src/transport/etcd/codec/planted.js', `let x = 1;\n${'f();\n'.repeat(401)}`)).toEqual([]);
  });
});
