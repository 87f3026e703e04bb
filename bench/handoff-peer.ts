/** The second process of the handoff bench: takes its turns when it is asked to, and sends back when they were. */
import { etcd } from 'coterie/etcd';
import { type Order, play } from './lib/handoff-turns.js';

const client = etcd({ endpoints: (process.argv[2] ?? '').split(',') });

process.on('message', (order: Order) => {
  play(client, order).then(
    (turns) => process.send?.(turns),
    (error: unknown) => {
      process.stderr.write(`bench: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => void client.close().finally(() => process.exit()));
process.send?.('ready');
