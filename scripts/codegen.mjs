#!/usr/bin/env node
// Makes src/transport/etcd/codec from src/transport/etcd/proto/etcd.proto.
//
//   node scripts/codegen.mjs           write the files
//   node scripts/codegen.mjs --check   write nothing; fail when the files at hand differ from what would be written
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const proto = join(root, 'src/transport/etcd/proto/etcd.proto');
const target = join(root, 'src/transport/etcd/codec');
const files = ['etcd.js', 'etcd.d.ts'];

const cli = dirname(createRequire(import.meta.url).resolve('protobufjs-cli/package.json'));
const run = (tool, args) =>
  execFileSync(process.execPath, [join(cli, 'bin', tool), ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });

// The root has a name of its own: two generated modules with the same root in one process overwrite each other.
const options = [
  '--target=static-module',
  '--wrap=esm',
  '--root=coterie_etcd',
  '--dependency=protobufjs/minimal.js',
  '--no-create',
  '--no-verify',
  '--no-convert',
  '--no-delimited',
  '--no-typeurl',
  '--no-service',
  '--force-long',
];

const banner = '// Made by scripts/codegen.mjs from proto/etcd.proto; do not edit.\n';

// What the types cannot know or need not say: an int64 goes in as its two halves and comes out as such (a bigint
// handed to the encoder would be written as 0, without a word), and no module of long.js is needed to say so.
function trimTypes(text) {
  return text
    .replace(/^import Long = require\("long"\);\n/m, '')
    .replace(/^import Long from "long";\n/m, '')
    .replace(/\/\*\*\n(?: \*[^\n]*\n)*? \* @deprecated[^\n]*\n \*\/\nexport interface I\w+ [^}]*}\n\n/g, '')
    .replace(/\bLong\b/g, 'Int64')
    .replace(/number\|Int64/g, 'Int64');
}

const int64Type = `
/** An int64 as two 32-bit halves. */
export interface Int64 {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}
`;

function generate(into) {
  const [js, types] = files.map((name) => join(into, name));
  // The types are made from the comments of the code, which are then left out of it.
  run('pbjs', [...options, `--out=${js}`, proto]);
  run('pbts', [`--out=${types}`, js]);
  run('pbjs', [...options, '--no-comments', `--out=${js}`, proto]);
  const made = readFileSync(types, 'utf8');
  writeFileSync(types, banner + trimTypes(made) + int64Type);
  writeFileSync(js, banner + readFileSync(js, 'utf8'));
}

if (process.argv.includes('--check')) {
  const into = mkdtempSync(join(tmpdir(), 'codegen-'));
  try {
    generate(into);
    const differing = files.filter(
      (name) => readFileSync(join(into, name), 'utf8') !== readFileSync(join(target, name), 'utf8'),
    );
    if (differing.length > 0) {
      console.error(`codegen: ${differing.join(' and ')} differ from proto/etcd.proto; run npm run codegen`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(into, { recursive: true });
  }
} else {
  mkdirSync(target, { recursive: true });
  generate(target);
}
