/** The demo fails when what it is to show is not so: here another program meddles with its counter. */
import { put } from 'coterie';
import { expect, it, vi } from 'vitest';
import { main } from '../../../examples/demo/main.js';
import type * as memory from '../../../examples/demo/memory-stage.js';

vi.mock('../../../examples/demo/memory-stage.js', async (importOriginal) => {
  const { memoryStage } = await importOriginal<typeof memory>();
  const meddled: typeof memoryStage = (parts) => {
    let done = false;
    const stage = memoryStage({
      ...parts,
      tell: (who, event, atMs) => {
        parts.tell(who, event, atMs);
        if (done || event.kind !== 'adds' || event.counter !== 5) return;
        done = true;
        // Without a guard, and so under nobody's lock: four updates are lost.
        const stale = JSON.stringify({ value: 1, token: '0' });
        void stage.client.store.commit([], [put(parts.keys.counter, stale)]);
      },
    });
    return stage;
  };
  return { memoryStage: meddled };
});

it('a counter that somebody sets back ends the demo with exit code 1, and names the damage', {
  timeout: 25_000,
}, async () => {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const { signal } = new AbortController();
  const code = await main({ args: [], colourful: false, readingMs: 0, signal, print, complain: print });
  expect(code).toBe(1);
  expect(lines).toContain('   FAILED: The counter is 52 after 56 acknowledged increments.');
  expect(lines.filter((line) => /FAILED: \w+ wrote 2 over the 5 of \w+\./.test(line))).toHaveLength(1);
  expect(lines.join('\n')).not.toContain('All checks passed');
});
