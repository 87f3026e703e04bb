import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** One block of TypeScript in a page, and the file it is said to be taken from. */
export interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly code: string;
  readonly file: string | undefined;
}

/** All pages that users read. */
export function pages(): string[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  const services = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' });
  const isPage = (name: string): boolean => name.endsWith('.md');
  return [
    'README.md',
    ...docs.filter(isPage).map((name) => join('docs', name)),
    ...services.filter(isPage).map((name) => join('examples', name)),
  ];
}

const block = /(?:<!-- (?<file>\S+) -->\n)?```ts\n(?<code>[\s\S]*?)```/g;

/** The TypeScript in a page, in order. */
export function snippetsOf(page: string, text = readFileSync(join(root, page), 'utf8')): Snippet[] {
  return [...text.matchAll(block)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    code: match.groups?.['code'] ?? '',
    file: match.groups?.['file'],
  }));
}

/** Relative links of a page that lead nowhere, as "page: target". */
export function deadLinks(page: string, exists: (path: string) => boolean): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const local = targets.filter((target) => !/^[a-z]+:/.test(target) && !target.startsWith('#'));
  return local
    .filter((target) => !exists(join(root, page, '..', target.replace(/#.*/, ''))))
    .map((target) => `${relative('.', page)}: ${target}`);
}
