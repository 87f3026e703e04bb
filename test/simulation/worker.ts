/** A process that runs the shares it is sent, one at a time, and answers with their reports. */
import { recipes } from './recipes.js';
import { type Share, work } from './work.js';

// Where an error came from is asked for when its seed is run again; to find it out each time takes a tenth of the time.
Error.stackTraceLimit = 0;

process.on('message', (share: Share) => {
  const simulation = recipes.find(({ recipe }) => recipe === share.recipe);
  if (simulation === undefined) throw new Error(`There is no simulation of "${share.recipe}".`);
  void work(simulation, share).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
