/**
 * Imports one file and prints what came with it, an address or a path on each line. To be run as a process of its own:
 * what others had loaded before would hide what this file loads.
 */
import { writeSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { pathToFileURL } from 'node:url';

// Writes on the thread of the hooks, at once, so that nothing is outstanding when the import is done.
const hooks = `
  import { writeSync } from 'node:fs';
  export async function resolve(specifier, context, next) {
    const result = await next(specifier, context);
    writeSync(1, result.url + '\\n');
    return result;
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
await import(pathToFileURL(process.argv[2]).href);
// CommonJS that is loaded by CommonJS does not pass the hooks on every version of Node.
for (const file of Object.keys(createRequire(import.meta.url).cache)) writeSync(1, `${file}\n`);
