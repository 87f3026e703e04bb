/**
 * Asks two servers the same random questions and tells where they differ; ends with exit code 1 where they do, or where
 * not everything occurred that has to.
 *
 *   npm run differential -- [--of wire] [--ops 200000] [--seed 1] [--lanes 2]
 *
 * `--of` says what is compared: `wire`, the embedded server with a real etcd 3.5, request by request (the default);
 * `etcd`, a real etcd with another one, which shows what the comparison itself is worth; `store-consul`, `store-etcd`,
 * `store-dev`, the embedded store with that server by way of its transport, as the store contract has it.
 */
import { parseArgs } from 'node:util';
import { compareServers } from './etcd/command.js';
import { compareStores } from './store/command.js';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { of: text, ops: text, seed: text, lanes: text } });

function whole(name: 'ops' | 'seed' | 'lanes', otherwise: number): number {
  const number = Number(values[name] ?? otherwise);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${name} must be a whole number above 0.`);
}

const { of = 'wire' } = values;
const isStore = of.startsWith('store-');
const options = {
  of,
  ops: whole('ops', isStore ? 20_000 : 200_000),
  seed: whole('seed', 1 + (Date.now() % 1_000_000)),
  lanes: whole('lanes', 2),
};
process.exitCode = (await (isStore ? compareStores(options) : compareServers(options))) ? 0 : 1;
