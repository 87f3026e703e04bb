#!/usr/bin/env node
/** The command `coterie`. What it needs is loaded when it is known what is asked, so that `--help` waits for nothing. */
import { readFileSync } from 'node:fs';
import { type Asked, parse } from './arguments.js';
import { help } from './help.js';

async function main(args: readonly string[]): Promise<number> {
  const asked: Asked = parse(args);
  switch (asked.kind) {
    case 'help':
      process.stdout.write(help);
      return 0;
    case 'version':
      process.stdout.write(`${versionOf()}\n`);
      return 0;
    case 'wrong':
      process.stderr.write(`coterie: ${asked.problem}\nTry "coterie --help".\n`);
      return 2;
    case 'dev': {
      const { dev } = await import('./dev.js');
      return dev(asked.options);
    }
  }
}

function versionOf(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version; // Written by us.
}

process.exitCode = await main(process.argv.slice(2));
