/** The embedded server as a process of its own, so that it has a core of its own; it ends with its parent. */
import { startDevServer } from 'coterie/dev';

const server = await startDevServer();
process.on('disconnect', () => process.exit());
process.send?.(server.endpoint);
