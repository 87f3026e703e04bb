import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { WorkerOrder } from '../worker.js';
import type { Figure } from './figures.js';

const worker = fileURLToPath(new URL('../worker.js', import.meta.url));

/** Runs a bench in a process of its own. Rejects where that ends without figures. `started`: to end it early. */
export function runBench(order: WorkerOrder, started: (child: ChildProcess) => void): Promise<readonly Figure[]> {
  const child = fork(worker, [], { execArgv: [...process.execArgv, '--expose-gc'], serialization: 'advanced' });
  started(child);
  return new Promise((resolve, reject) => {
    child.once('message', (figures) => resolve(figures as readonly Figure[])); // What the worker sends.
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`The bench ${order.name} ended without figures (${signal ?? `exit status ${code}`}).`));
    });
    child.send(order);
  });
}
