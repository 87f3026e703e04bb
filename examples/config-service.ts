/** A small service whose rate limit follows the configuration, without a restart and without a read of the store. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigCache, put } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using client = cluster.client();
const defaults = { limits: { perMinute: 2 }, greeting: 'hello' };
const layers = [defaults, '/config/common', '/config/greeter'];
await using config = await ConfigCache.open<typeof defaults>(client, '/config/greeter', { layers, debounceMs: 5 });

let served = 0;
const server = createServer((_request, response) => {
  // A property access: fast enough for every request, and never half of a change.
  const { limits, greeting } = config.current;
  response.statusCode = served++ < limits.perMinute ? 200 : 429;
  response.end(response.statusCode === 200 ? greeting : 'too many requests');
});
config.onChange('limits', () => {
  served = 0;
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
const call = async () => (await fetch(url)).text();

console.log(await call(), '|', await call(), '|', await call());

await using operator = cluster.client();
const change = [put('/config/common/limits/perMinute', '1'), put('/config/greeter/greeting', 'good day')];
const { revision } = await operator.store.commit([], change);
await config.waitUntil(revision);
console.log(await call(), '|', await call());

server.closeAllConnections();
server.close();
