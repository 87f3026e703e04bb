import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Kind = 'pid' | 'container' | 'volume' | 'network' | 'port';

/**
 * What the test process has started stands in a ledger: a directory with one file per thing. A shell outside the
 * test process waits for the end of its standard input, which comes when the test process is gone, however it
 * went (also by SIGKILL), and then ends and removes what still stands in the ledger.
 */
const SCRIPT = `
cat >/dev/null
cd "$1" || exit 0
for f in pid-*; do [ -e "$f" ] && kill -KILL "\${f#pid-}" 2>/dev/null; done
for f in container-*; do [ -e "$f" ] && docker rm -f -v "\${f#container-}"; done
for f in volume-*; do [ -e "$f" ] && docker volume rm -f "\${f#volume-}"; done
for f in network-*; do [ -e "$f" ] && docker network rm "\${f#network-}"; done
for f in port-*; do [ -e "$f" ] && rm -f -- "$(cat "$f")"; done
cd / && rm -rf -- "$1"
`;

let ledger: string | undefined;

function open(): string {
  if (ledger !== undefined) return ledger;
  ledger = mkdtempSync(join(tmpdir(), 'coterie-test-'));
  // In a session of its own, so that an interrupt at the terminal does not end it before its work.
  const child = spawn('sh', ['-c', SCRIPT, 'watchdog', ledger], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  (child.stdin as Socket).unref();
  return ledger;
}

/** Enters a thing into the ledger; the content matters for ports only (their lock file). */
export function remember(kind: Kind, name: string, content = ''): void {
  writeFileSync(join(open(), `${kind}-${name}`), content);
}

export function forget(kind: Kind, name: string): void {
  rmSync(join(open(), `${kind}-${name}`), { force: true });
}

/** A new temporary directory, removed at the latest when the test process is gone. */
export function scratchDir(prefix: string): string {
  return mkdtempSync(join(open(), `dir-${prefix}-`));
}
