/**
 * The demo: five processes compete for a lock and stand in an election, while the leader is killed and a holder sleeps
 * past its lease. `npm run demo`, or with `-- --store etcd://127.0.0.1:2379`, or with `-- --store consul://127.0.0.1:8500`.
 */
import { wantsColour } from './demo/colours.js';
import { main } from './demo/main.js';

const stop = new AbortController();
const end = (why: string) => (): void => stop.abort(new Error(why));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, end(`The demo was ended by ${signal}.`));
// The reader of a pipe has gone: nobody is left to play for.
process.stdout.on('error', end('Nobody reads the output of the demo.'));

process.exitCode = await main({
  args: process.argv.slice(2),
  colourful: wantsColour(process.env, process.stdout.isTTY),
  readingMs: 700,
  signal: stop.signal,
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
});
