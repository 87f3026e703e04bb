import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const simulation = fileURLToPath(new URL('./worker.js', import.meta.url));

/**
 * Has shares run by several processes of a script that answers each with its report. `told` hears of each report, and says
 * whether to go on.
 */
export async function runShares<Share extends object, Report>(
  shares: readonly Share[],
  jobs: number,
  told: (report: Report) => boolean,
  script: string = simulation,
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
        const [report] = await Promise.race([answer<Report>(child), died]);
        if (!told(report)) queue.length = 0;
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, shares.length) }, drain));
}

function answer<Report>(child: ChildProcess): Promise<[Report]> {
  return new Promise((resolve) => {
    // A worker sends nothing but reports.
    child.once('message', (report) => resolve([report as Report]));
  });
}
