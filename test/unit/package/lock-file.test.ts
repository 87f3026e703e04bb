import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
type LockFile = Readonly<Record<string, Locked>>;

/** Packages for other platforms that the lock file leaves out. `npm ci` refuses such a file, on every platform. */
function leftOut(packages: LockFile): string[] {
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const wanted = Object.values(packages).flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}));
  return [...new Set(wanted)].filter((name) => !names.has(name));
}

/** Packages that would be fetched from one certain place, whichever registry the reader uses. */
function bound(packages: LockFile): string[] {
  return Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined);
}

describe('the lock file', () => {
  const path = fileURLToPath(new URL('../../../package-lock.json', import.meta.url));
  const { packages } = JSON.parse(readFileSync(path, 'utf8')) as { packages: LockFile };

  it('has the packages of all platforms', () => {
    expect(Object.keys(packages).length).toBeGreaterThan(100);
    expect(leftOut(packages)).toEqual([]);
  });

  it('binds nobody to a registry', () => {
    expect(bound(packages)).toEqual([]);
  });

  it('and a planted omission and a planted address are seen', () => {
    const planted: LockFile = {
      'node_modules/tool': { optionalDependencies: { 'tool-linux': '1.0.0', 'tool-darwin': '1.0.0' } },
      'node_modules/tool/node_modules/tool-linux': { resolved: 'https://example.org/tool-linux-1.0.0.tgz' },
    };
    expect(leftOut(planted)).toEqual(['tool-darwin']);
    expect(bound(planted)).toEqual(['node_modules/tool/node_modules/tool-linux']);
  });
});
