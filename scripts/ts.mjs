/**
 * Lets Node run the TypeScript of this project as it is, types taken off as it is loaded:
 *
 *   node --import ./scripts/ts.mjs test/differential/etcd/main.ts
 *
 * For programs that are no part of the package and yet want its sources. `coterie` and its entry points mean `src`. Types
 * are not looked at; `npm run check:types` does that.
 */
import { register } from 'node:module';

register('./ts-hooks.mjs', import.meta.url);
