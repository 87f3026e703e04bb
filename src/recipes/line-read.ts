import type { ClientContext } from '../core/context.js';
import type { Scope } from '../core/signals.js';
import { type Query, read } from '../core/store.js';
import type { Reads } from './line-rule.js';
import { retrying } from './line-session.js';

/** Reads all of this at one revision, for as long as the scope allows. One round trip. */
export async function readAll(client: ClientContext, queries: readonly Query[], scope: Scope): Promise<Reads> {
  const { store } = client;
  const { signal } = scope;
  const [only] = queries;
  return retrying(client, signal, async () => {
    if (only !== undefined && queries.length === 1) return [(await store.read(only, { signal })).entries];
    return (await store.commit([], queries.map(read), { signal })).reads;
  });
}
