import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { takePorts } from './ports.js';
import { waitFor } from './wait.js';
import { scratchDir } from './watchdog.js';

/** Stands for a test process: starts something, enters it into the ledger, and is killed. */
const VICTIM = `
import { spawn } from 'node:child_process';
import { takePorts } from './ports.js';
import { remember, scratchDir } from './watchdog.js';
const child = spawn('sleep', ['600'], { stdio: 'ignore' });
remember('pid', String(child.pid));
const [port] = await takePorts(1);
process.stdout.write(JSON.stringify({ pid: child.pid, dir: scratchDir('data'), port }));
`;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Where nobody collects orphans, a dead one stays in the table as a zombie.
  return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

function compile(names: readonly string[]): string {
  const dir = scratchDir('victim');
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  writeFileSync(join(dir, 'victim.js'), VICTIM);
  for (const name of names) {
    const source = readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8');
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    writeFileSync(join(dir, `${name}.js`), ts.transpileModule(source, { compilerOptions }).outputText);
  }
  return join(dir, 'victim.js');
}

test.each(['SIGKILL', 'SIGTERM'] as const)('nothing stays behind a test process that %s ends', async (signal) => {
  const victim = spawn(process.execPath, [compile(['ports', 'watchdog'])], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(victim.stdout, 'data')) as [Buffer];
  const { pid, dir } = JSON.parse(line.toString()) as { pid: number; dir: string };
  expect(isRunning(pid)).toBe(true);
  expect(existsSync(dir)).toBe(true);
  victim.kill(signal);
  await once(victim, 'exit');
  await waitFor(() => !isRunning(pid) && !existsSync(dir), { timeoutMs: 10_000, what: 'the watchdog has cleaned up' });
});

test('ports are not given twice', async () => {
  const ports = await takePorts(50);
  expect(new Set(ports).size).toBe(50);
});
