import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forget, remember } from './watchdog.js';

// Below the range from which Linux takes the local ports of outgoing connections: one of those could otherwise
// sit on the port of a server that is down for the moment.
const LOWEST = 16_000;
const COUNT = 16_000;

const lockDir = join(tmpdir(), 'coterie-test-ports');

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
}

/** The lock keeps the port for us also while the server is down; test workers run in parallel. */
function lock(port: number): boolean {
  try {
    writeFileSync(join(lockDir, String(port)), String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

async function takePort(): Promise<number> {
  mkdirSync(lockDir, { recursive: true });
  try {
    chmodSync(lockDir, 0o1777);
  } catch {
    // It belongs to another user, who has set this already.
  }
  for (let tries = 0; tries < COUNT; tries += 1) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (!lock(port)) continue;
    remember('port', String(port), join(lockDir, String(port)));
    if (await isFree(port)) return port;
    releasePort(port);
  }
  throw new Error(`no free port from ${LOWEST} to ${LOWEST + COUNT - 1}; locks are in ${lockDir}`);
}

export function releasePort(port: number): void {
  rmSync(join(lockDir, String(port)), { force: true });
  forget('port', String(port));
}

export function takePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, takePort));
}
