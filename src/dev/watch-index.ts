import type { Revision } from '../transport/memory/history.js';
import { inSpan, type Span } from './span.js';
import type { DevStore } from './store.js';

/** One who hears of the revisions that touch a span. */
export interface Listener {
  readonly span: Span;
  hear(revision: Revision): void;
}

interface Group {
  readonly span: Span;
  readonly listeners: Set<Listener>;
}

/**
 * Who hears of what: one subscription to the store for all watches. Those of one key are found by it; those of the same
 * range are asked for once, however many they are.
 */
export class WatchIndex {
  readonly #byKey = new Map<string, Set<Listener>>();
  readonly #byRange = new Map<string, Group>();

  constructor(store: DevStore) {
    store.follow((revision) => this.#tell(revision));
  }

  add(listener: Listener): void {
    const { span } = listener;
    if ('key' in span) {
      const listeners = this.#byKey.get(span.key) ?? new Set();
      this.#byKey.set(span.key, listeners.add(listener));
    } else {
      const group = this.#byRange.get(nameOf(span)) ?? { span, listeners: new Set() };
      this.#byRange.set(nameOf(span), group);
      group.listeners.add(listener);
    }
  }

  delete(listener: Listener): void {
    const { span } = listener;
    if ('key' in span) {
      const listeners = this.#byKey.get(span.key);
      if (listeners?.delete(listener) && listeners.size === 0) this.#byKey.delete(span.key);
    } else {
      const listeners = this.#byRange.get(nameOf(span))?.listeners;
      if (listeners?.delete(listener) && listeners.size === 0) this.#byRange.delete(nameOf(span));
    }
  }

  #tell(revision: Revision): void {
    const concerned = new Set<Listener>();
    for (const { key } of revision.changes) {
      for (const listener of this.#byKey.get(key) ?? []) concerned.add(listener);
      for (const { span, listeners } of this.#byRange.values()) {
        if (inSpan(span, key)) for (const listener of listeners) concerned.add(listener);
      }
    }
    for (const listener of concerned) listener.hear(revision);
  }
}

/** Two spans have the same one only if they are the same: no key can be mistaken for the mark between the two. */
function nameOf(span: Exclude<Span, { key: string }>): string {
  return JSON.stringify([span.from, span.to ?? null]);
}
