/** The check for unused code is shown to fire, under the configuration of the project, on what is planted in a folder. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from './sources.js';

const files: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ name: 'planted', type: 'module', dependencies: { eventemitter3: '^5.0.0' } }),
  'src/index.ts': `export { used } from './core/code.js';\n`,
  'src/core/code.ts': `export const used = 1;\nexport const nobodyUses = 2;\nexport const onlyTestsUse = 3;\n`,
  'src/core/orphan.ts': `export const orphan = 1;\n`,
  'test/unit/code.test.ts': `import { onlyTestsUse } from '../../src/core/code.js';\nvoid onlyTestsUse;\n`,
};

describe('planted in a folder of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coterie-unused-'));

  beforeAll(() => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    for (const name of ['knip.json', 'tsconfig.json']) copyFileSync(join(projectRoot, name), join(folder, name));
    symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function knip(...options: string[]): { readonly status: number | null; readonly report: string } {
    const program = join(projectRoot, 'node_modules/knip/bin/knip.js');
    const { status, stdout } = spawnSync(process.execPath, [program, '--no-progress', ...options], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status, report: stdout };
  }

  it('an export that nobody uses, a file that nobody imports and a dependency that nobody needs are seen', () => {
    const { status, report } = knip();
    expect(status).toBe(1);
    for (const found of ['nobodyUses', 'src/core/orphan.ts', 'eventemitter3']) expect(report).toContain(found);
    expect(report).not.toMatch(/\bused\b|onlyTestsUse/);
  }, 30_000);

  it('an export that only tests use is seen in production mode', () => {
    const { status, report } = knip('--production');
    expect(status).toBe(1);
    expect(report).toContain('onlyTestsUse');
    expect(report).not.toMatch(/\bused\b/);
  }, 30_000);
});
