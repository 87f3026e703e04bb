import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Share, ShareReport } from './work.js';

const script = fileURLToPath(new URL('./worker.js', import.meta.url));

/** Has shares run by several processes. `told` hears of each report, and says whether to go on. */
export async function runShares(
  shares: readonly Share[],
  jobs: number,
  told: (report: ShareReport) => boolean,
): Promise<void> {
  const queue = [...shares];
  const drain = async (): Promise<void> => {
    const child = fork(script);
    const died = once(child, 'exit').then(([code, signal]): never => {
      throw new Error(`A process of the simulation died: ${code ?? signal}.`);
    });
    // It dies in the end, when nobody waits for it any more.
    died.catch(() => {});
    try {
      for (let share = queue.shift(); share !== undefined; share = queue.shift()) {
        child.send(share);
        const [report] = await Promise.race([answer(child), died]);
        if (!told(report)) queue.length = 0;
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, shares.length) }, drain));
}

function answer(child: ChildProcess): Promise<[ShareReport]> {
  return new Promise((resolve) => {
    // A worker sends nothing but reports.
    child.once('message', (report) => resolve([report as ShareReport]));
  });
}
