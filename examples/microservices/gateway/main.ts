/** The door to the API: takes requests, and passes each on to one of the API processes in turn. */
import { aborted, type Instance, isCoordinationError, type Resolver, ServiceRegistry } from 'coterie';
import { listen, sendJson } from '../lib/http.js';
import { type Log, messageOf } from '../lib/log.js';
import { runService } from '../lib/service.js';

interface Answer {
  readonly status: number;
  readonly body: object;
}

await runService('gateway', { 'try-ms': 2_000 }, async ({ flags, client, paths, log, stopping }) => {
  const registry = new ServiceRegistry(client, paths.registry);
  await using resolver = await registry.resolver({ strategy: 'round-robin', signal: stopping });
  const ids = (): string[] => resolver.view.instances.filter(({ healthy }) => healthy).map(({ id }) => id);
  resolver.events.on('change', () => log('instances', { ids: ids() }));
  resolver.events.on('ejected', ({ instance, forMs }) =>
    log('ejected', { instance: instance.id, forMs: Math.round(forMs) }),
  );
  resolver.events.on('error', (error) => log('registry-error', { reason: messageOf(error) }));

  const health = () => ({ healthy: ids().length > 0 && !stopping.aborted, instances: ids() });
  await using http = await listen(flags.port, log, health, async (request, response) => {
    if (request.method !== 'GET') return sendJson(response, 405, { error: 'only GET is passed on' });
    const { status, body } = await forward(resolver, request.url ?? '/', flags['try-ms'], log);
    sendJson(response, status, body);
  });
  log('started', { port: http.port, ids: ids() });
  await aborted(stopping);
});

/**
 * Asks one process of the API, and another where that one cannot be reached, as one that was killed and whose lease has
 * not run out yet. A GET may be made twice; what changes something may not, and needs an id that is made once.
 */
async function forward(resolver: Resolver, path: string, tryMs: number, log: Log): Promise<Answer> {
  const tried: string[] = [];
  const ask = async ({ id, address, port }: Instance): Promise<Answer> => {
    tried.push(id);
    const response = await fetch(`http://${address}:${port}${path}`, { signal: AbortSignal.timeout(tryMs) });
    return { status: response.status, body: (await response.json()) as object }; // The API answers with objects.
  };
  for (;;) {
    try {
      return await resolver.run(ask, { exclude: tried });
    } catch (error) {
      if (isCoordinationError(error, 'NO_INSTANCE')) return { status: 503, body: { error: 'no API process', tried } };
      log('unreachable', { instance: tried.at(-1), reason: messageOf(error) });
    }
  }
}
