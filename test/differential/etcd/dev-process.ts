import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RunningServer } from './servers.js';

const script = fileURLToPath(new URL('../dev-server.ts', import.meta.url));
const typescript = new URL('../../../scripts/ts.mjs', import.meta.url).href;

/** Starts the embedded server as a process of its own. */
export async function startDevServerProcess(): Promise<RunningServer> {
  const child = fork(script, { execArgv: ['--import', typescript] });
  const gone = once(child, 'exit');
  const endpoint = await Promise.race([
    once(child, 'message').then(([message]) => String(message)),
    gone.then(([code]) => Promise.reject(new Error(`The embedded server ended with ${code}.`))),
  ]);
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  return { endpoint, stop };
}
