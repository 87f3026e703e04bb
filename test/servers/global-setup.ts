import { findServers, handOn, SERVER_NAMES } from './find.js';

/** Once per test run, before the workers: fetches the servers, builds the images, and says what was found. */
export default async function setup(): Promise<void> {
  const started = performance.now();
  const findings = await findServers();
  for (const name of SERVER_NAMES) {
    const found = findings[name];
    if (found.mode === 'none') continue;
    const where = found.mode === 'container' ? `image ${found.image}` : `programs in ${found.bin}`;
    process.stdout.write(`${name}: ${found.mode}, version ${found.version}, ${where}\n`);
  }
  process.stdout.write(`servers found in ${Math.round(performance.now() - started)} ms\n`);
  handOn(findings);
}
