import { inspect } from 'node:util';
import { type CommandOptions, replay, Stopwatch } from '../command.js';
import { differStores, requiredOutcomes } from './differ.js';
import { onMemory, storeServers } from './servers.js';

/** Shorter runs need not show everything. */
const longEnough = 1_000;

/** Plays random programs of the store contract on the embedded store and on a server. Resolves to whether all is well. */
export async function compareStores({ of, ops, seed }: CommandOptions): Promise<boolean> {
  const name = of.slice('store-'.length);
  if (name !== 'consul' && name !== 'etcd' && name !== 'dev') throw new Error(`There is no store on "${name}".`);
  const server = await storeServers[name]();
  const watch = new Stopwatch();
  try {
    console.log(`seed ${seed}, ${ops} operations, the embedded store and ${name}`);
    const progress = (played: number): void => watch.tell(played, 2_000);
    const verdict = await differStores({ stores: [onMemory, server.open], seed, ops, progress });
    console.log(`${verdict.ops} operations of ${verdict.programs} programs in ${watch.seconds} s`);
    const { finding, outcomes } = verdict;
    if (finding !== undefined) {
      console.log(`\n${finding.sentence}\n`);
      for (const [n, step] of finding.steps.entries())
        console.log(`${n}  ${inspect(step, { depth: 8, breakLength: 160 })}`);
      console.log(`\n${replay(of, finding.seed)}`);
      return false;
    }
    const missing = ops < longEnough ? [] : requiredOutcomes.filter((outcome) => !outcomes.has(outcome));
    for (const what of missing) console.log(`never occurred: ${what}`);
    console.log('No difference.');
    return missing.length === 0;
  } finally {
    await server.stop();
  }
}
