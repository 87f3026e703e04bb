/** Simulates one's own code: a report that is written under a lock, by processes that crash, sleep and are cut off. */
import { Mutex, put } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, simulate, Violation } from 'coterie/testing';

async function writeReport(node: SimulatedNode): Promise<void> {
  await new Mutex(node.client, '/locks/report').run(async (hold) => {
    await hold.commit([put('/reports/latest', String(hold.token))]);
  });
}

async function scenario(world: SimulatedWorld): Promise<void> {
  let newest = 0n;
  // Checked against the store itself, at each of its revisions, before any client can know of it.
  world.truth.follow(({ changes }) => {
    for (const { key, after } of changes) {
      if (key !== '/reports/latest' || after === undefined) continue;
      const token = BigInt(new TextDecoder().decode(after.value));
      if (token < newest) world.fail(new Violation('stale', `report ${token} was written after ${newest}`));
      newest = token;
    }
  });
  world.run(3, async (node) => {
    // A process does this until it is told to end. What the store refuses, it tries again.
    while (node.running) {
      await writeReport(node).catch(() => world.sometimes('refused'));
      await new Promise<void>((resolve) => void node.clock.after(500, resolve));
    }
  });
  await world.chaos();
}

// Without 'rebuild': another store in the place of this one begins its tokens anew.
const faults = ['crash', 'partition', 'pause', 'suspend', 'dropAnswer', 'failover'] as const;
const report = await simulate(scenario, { seeds: 20, durationMs: 20_000, faults });
console.log(`${report.seeds} seeds, ${Math.round(report.simulatedMs / 1000)} simulated seconds`);
