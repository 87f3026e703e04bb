import { type Client, Mutex } from 'coterie';
import { pause } from './bench.js';

/** What a process is asked to do: to take the mutex again and again, in some loops at once. */
export interface Order {
  readonly path: string;
  readonly lanes: number;
  /** For each lane. */
  readonly turns: number;
  readonly holdMs: number;
}

/** One turn at the mutex. All times are of the clock that the processes of a machine share, in milliseconds. */
export interface Turn {
  /** The fencing token, in decimal: it tells in which order the turns were. */
  readonly token: string;
  readonly askedAtMs: number;
  readonly heldAtMs: number;
  readonly releasedAtMs: number;
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Takes its turns, and gives an account of them. */
export async function play(client: Client, order: Order): Promise<readonly Turn[]> {
  const mutex = new Mutex(client, order.path);
  const turns: Turn[] = [];
  const lane = async (): Promise<void> => {
    for (let n = 0; n < order.turns; n++) turns.push(await turn(mutex, order.holdMs));
  };
  await Promise.all(Array.from({ length: order.lanes }, lane));
  return turns;
}

async function turn(mutex: Mutex, holdMs: number): Promise<Turn> {
  const askedAtMs = nowMs();
  const hold = await mutex.acquire();
  const heldAtMs = nowMs();
  if (holdMs > 0) await pause(holdMs);
  const releasedAtMs = nowMs();
  if (!(await hold.release())) throw new Error('The mutex was lost.');
  return { token: String(hold.token), askedAtMs, heldAtMs, releasedAtMs };
}

/**
 * How long each handoff between the two processes took, from the call of release in one to the resolved acquire in the
 * other. Only where the other had been waiting for `settledMs` by then; and a mutex held twice at once is an error.
 */
export function handoffsOf(ours: readonly Turn[], theirs: readonly Turn[], settledMs: number): number[] {
  const all = [...ours.map((turn) => ({ ...turn, by: 'us' })), ...theirs.map((turn) => ({ ...turn, by: 'them' }))];
  all.sort((a, b) => (BigInt(a.token) < BigInt(b.token) ? -1 : 1));
  const tookMs: number[] = [];
  for (const [n, turn] of all.entries()) {
    const before = all[n - 1];
    if (before === undefined) continue;
    if (turn.heldAtMs < before.releasedAtMs) throw new Error(`Held twice at once, at token ${turn.token}.`);
    const waited = before.releasedAtMs - turn.askedAtMs >= settledMs;
    if (waited && turn.by !== before.by) tookMs.push(turn.heldAtMs - before.releasedAtMs);
  }
  return tookMs;
}
