/** An HTTP API: its settings change while it runs, and others find it by the registry. */
import { setTimeout as sleep } from 'node:timers/promises';
import { aborted, ConfigCache, ServiceRegistry } from 'coterie';
import { listen, sendJson } from '../lib/http.js';
import { messageOf } from '../lib/log.js';
import { runService } from '../lib/service.js';
import { rateLimit } from './rate-limit.js';
import { defaults, schema } from './settings.js';

await runService('api', { 'drain-ms': 300 }, async ({ id, flags, client, paths, log, stopping }) => {
  const layers = [defaults, paths.settings];
  await using config = await ConfigCache.open(client, paths.settings, { schema, layers, signal: stopping });
  config.events.on('change', ({ revision, value }) => log('settings', { revision, ...value }));
  config.events.on('rejected', ({ revision, issues }) => log('settings-refused', { revision, issues }));
  config.events.on('error', (error) => log('settings-error', { reason: messageOf(error) }));

  // Settings are read where they are used, request by request: a property access, and never half of a change.
  const allows = rateLimit(() => config.current.limits.perSecond);
  const greet = (): string => {
    const { greeting, features } = config.current;
    return features.shout ? greeting.toUpperCase() : greeting;
  };

  const health = () => ({ healthy: !stopping.aborted, settings: config.state.kind, revision: String(config.revision) });
  await using http = await listen(flags.port, log, health, (_request, response) => {
    if (allows()) sendJson(response, 200, { from: id, greeting: greet() });
    else sendJson(response, 429, { from: id, error: 'too many requests' });
  });

  // A process that starts again under its old id waits until the lease of the one before it has run out.
  const registry = new ServiceRegistry(client, paths.registry);
  const self = { id, address: '127.0.0.1', port: http.port };
  await using registration = await registry.register(self, { onTaken: 'wait', signal: stopping });
  registration.events.on('state', ({ kind }) => log('registration', { kind }));
  log('started', { port: http.port, ...config.current });

  await aborted(stopping);
  // First nobody is sent here any more, then what is under way is finished; only then does the server close.
  await registration.update({ healthy: false }, { timeoutMs: 1_000 }).catch(() => {});
  await sleep(flags['drain-ms']);
});
