import { banBreaches } from './bans.js';
import { importBreaches } from './imports.js';
import { roomOf } from './rooms.js';
import { sizeBreaches } from './sizes.js';
import type { Breach, Source } from './sources.js';
import { stateBreaches } from './state.js';

const rules = [banBreaches, stateBreaches, sizeBreaches];

/** Every breach of the architecture in these sources. */
export function check(sources: readonly Source[]): Breach[] {
  return sources.flatMap((source) => {
    const others = roomOf(source.path)?.generated ? [] : rules.flatMap((rule) => rule(source));
    return [...importBreaches(source), ...others];
  });
}

export function describeBreach({ rule, path, line, problem }: Breach): string {
  return `${path}:${line} [${rule}] ${problem}`;
}
