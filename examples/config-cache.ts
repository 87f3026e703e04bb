/** Configuration in memory: validated before it counts, and the last good value stays whatever happens. */
import { ConfigCache, put } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using service = cluster.client();
await using operator = cluster.client();
const set = (name: string, text: string) => operator.store.commit([], [put(`/config/app/${name}`, text)]);

interface Config {
  readonly db: { readonly pool: number; readonly password: string };
}

// Any Standard Schema does: zod, valibot, arktype. This one is made by hand.
function validate(value: unknown) {
  const { db } = value as Config;
  return db.pool > 0 ? { value: value as Config } : { issues: [{ message: 'must be above 0', path: ['db', 'pool'] }] };
}
const schema = { '~standard': { version: 1, vendor: 'by hand', validate } } as const;

await set('db/password', 'secret');
const layers = [{ db: { pool: 5 } }, '/config/app'];
await using config = await ConfigCache.open(service, '/config/app', { schema, layers, secrets: ['db.password'] });
console.log(`pool=${config.current.db.pool}, from ${config.explain('db.pool').from}`);

config.onChange('db.pool', (next, previous) => console.log(`pool: ${previous} -> ${next}`));
config.events.on('rejected', ({ issues }) => console.log(`refused: ${issues[0]?.key} ${issues[0]?.message}`));

const { revision } = await set('db/pool', '-1');
await config.waitUntil(revision).catch((error: Error) => console.log(error.message));
console.log(`still pool=${config.current.db.pool}, state ${config.state.kind}`);

await config.waitUntil(await config.set('db.pool', 9));
console.log(`now pool=${config.current.db.pool}, state ${config.state.kind}`);
console.log(JSON.stringify(config.explain('db.password').value), 'is shown to nobody:', JSON.stringify(config));
