/** What every service does around its work: settings, one client, one log, and an end that is graceful and bounded. */
import type { Client } from 'coterie';
import { type Flags, readFlags, type Settled } from './flags.js';
import { type Log, messageOf, openLog } from './log.js';
import { type Paths, pathsBelow } from './paths.js';
import { openClient } from './store.js';

export interface Service<F extends Flags> {
  readonly id: string;
  readonly flags: Settled<F>;
  readonly client: Client;
  readonly paths: Paths;
  readonly log: Log;
  /** Aborts when the service is to end: then `work` gives back what it has, and returns. */
  readonly stopping: AbortSignal;
}

/**
 * Runs a service until SIGTERM or SIGINT. Ends with exit code 0 once `work` has returned and the client has given back all
 * that it held; with 1 where `work` fails, or is not done in time; with 2 for flags that are wrong.
 */
export async function runService<F extends Flags>(
  name: string,
  flagsOfItsOwn: F,
  work: (service: Service<F>) => Promise<void>,
): Promise<void> {
  let service: Service<F>;
  try {
    service = await open(name, flagsOfItsOwn);
  } catch (error) {
    process.stderr.write(`${name}: ${messageOf(error)}\n`);
    process.exitCode = 2;
    return;
  }
  const { client, log, stopping } = service;
  try {
    await work(service);
  } catch (error) {
    if (!isStop(error, stopping)) {
      log('failed', { reason: messageOf(error) });
      process.exitCode = 1;
    }
  }
  await client.close();
  // Nothing of it is left by now, so that Node ends by itself.
  log('stopped');
}

async function open<F extends Flags>(name: string, flagsOfItsOwn: F): Promise<Service<F>> {
  const flags = readFlags(flagsOfItsOwn, process.argv.slice(2), process.env);
  const { id } = flags;
  const log = openLog(name, id);
  const client = await openClient(flags.store, flags['ttl-ms']);
  client.events.on('lost', ({ key, reason }) => log('lost', { key, code: reason.code }));
  return { id, flags, client, log, paths: pathsBelow(flags.prefix), stopping: stopSignal(log, flags['grace-ms']) };
}

/** What was waiting when the end came rejects with the reason of the signal, or, in Node's own modules, because of it. */
function isStop(error: unknown, { aborted, reason }: AbortSignal): boolean {
  return aborted && (error === reason || (error instanceof Error && error.cause === reason));
}

function stopSignal(log: Log, graceMs: number): AbortSignal {
  const controller = new AbortController();
  const stop = (why: string) => (): void => {
    if (controller.signal.aborted) return;
    log('stopping', { why });
    controller.abort(new Error(`The service was ended by ${why}.`));
    setTimeout(() => {
      log('ended-hard', { graceMs });
      process.exit(1);
    }, graceMs).unref();
  };
  process.on('SIGTERM', stop('SIGTERM')).on('SIGINT', stop('SIGINT'));
  // Where another program started this one with a channel, and is gone, nobody else would end it.
  process.on('disconnect', stop('the end of its parent'));
  process.channel?.unref();
  return controller.signal;
}
