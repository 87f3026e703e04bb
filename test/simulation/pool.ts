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
    try {
      for (let share = queue.shift(); share !== undefined; share = queue.shift()) {
        if (!told(await ask(child, share))) queue.length = 0;
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, shares.length) }, drain));
}

async function ask(child: ChildProcess, share: Share): Promise<ShareReport> {
  const died = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`A process died (${code ?? signal}) at seeds ${share.first} and on of ${share.recipe}.`);
  });
  const answered = once(child, 'message');
  child.send(share);
  const [report] = await Promise.race([answered, died]);
  died.catch(() => {});
  return report as ShareReport;
}
