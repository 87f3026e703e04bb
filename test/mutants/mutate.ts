import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutant.js';

/** The source of a mutant, made from the file in this folder. Throws where what it changes is not there exactly once. */
export function mutate({ name, file, changes }: Mutant, folder: string): string {
  let source = readFileSync(join(folder, file), 'utf8');
  for (const { find, replace } of changes) {
    const parts = source.split(find);
    if (parts.length !== 2) {
      throw new Error(`${name} does not fit any more: what it replaces is ${parts.length - 1} times in ${file}.`);
    }
    source = parts.join(replace);
  }
  return source;
}
