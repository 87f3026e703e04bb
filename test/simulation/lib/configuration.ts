import type { Entry } from 'coterie';

const decoder = new TextDecoder();

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function parsed({ value }: Entry): unknown {
  const text = decoder.decode(value);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function merge(into: Record<string, unknown>, from: Record<string, unknown>): Record<string, unknown> {
  for (const [name, value] of Object.entries(from)) {
    const here = into[name];
    into[name] = isObject(here) && isObject(value) ? merge(here, value) : value;
  }
  return into;
}

function tree(entries: ReadonlyMap<string, Entry>, prefix: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const entry of [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    if (!entry.key.startsWith(prefix)) continue;
    const names = entry.key.slice(prefix.length).split('/');
    const last = names.pop() ?? '';
    let at = root;
    for (const name of names) {
      // Keys come in order, so what a key itself says is there before those below it, which win over it.
      if (!isObject(at[name])) at[name] = {};
      at = at[name] as Record<string, unknown>;
    }
    at[last] = parsed(entry);
  }
  return root;
}

/** What a configuration of these paths is, by the rules of its page and in the simplest way. */
export function configured(entries: ReadonlyMap<string, Entry>, paths: readonly string[]): unknown {
  return paths.map((path) => tree(entries, `${path}/`)).reduce(merge, {});
}

/** The same text for the same value. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    return isObject(part) && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part;
  });
}
