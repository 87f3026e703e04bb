/** A program of the built project, as a user starts it: as the leader of a process group, so that no child goes unnoticed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Program {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves to the exit code when the program has ended and its output is complete. */
  readonly ended: Promise<number | null>;
  /** Whether any process of the group is left. */
  isAlive(): boolean;
  /** Ends whatever is left of the group. */
  kill(): void;
}

export function startProgram(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const child = spawn(process.execPath, args, { detached: true, stdio: 'pipe', env: { ...process.env, ...env } });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-(child.pid ?? 0), name);
    } catch {
      return false;
    }
  };
  return {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended: once(child, 'close').then(([code]) => code as number | null),
    isAlive: () => child.pid !== undefined && signal(0),
    kill: () => void (child.pid !== undefined && signal('SIGKILL')),
  };
}
