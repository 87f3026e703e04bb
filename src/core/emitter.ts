import { EventEmitter } from 'eventemitter3';

/**
 * A typed event emitter whose listeners cannot harm the one that emits. `Events` maps each name to what it carries. An
 * error thrown by a listener goes to the `error` listeners, and where there are none to the process as a warning: it
 * neither vanishes nor ends the process.
 */
export class SafeEmitter<Events extends { readonly error: unknown }> {
  readonly #emitter = new EventEmitter();

  /** Calls `listener` for each event of this name, in the order of subscription. Returns how to unsubscribe. */
  on<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): () => void {
    this.#emitter.on(name, listener);
    return () => {
      this.#emitter.off(name, listener);
    };
  }

  /** Whether anybody listens to events of this name. */
  has(name: keyof Events & string): boolean {
    return this.#emitter.listenerCount(name) > 0;
  }

  /** Runs what belongs to a user as a listener does: what it throws, or its promise rejects with, is reported. */
  guard(run: () => unknown): void {
    const report = (error: unknown): void => this.#report('', error);
    try {
      const result = run();
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  }

  /** Tells every listener. Never throws. */
  emitSafe<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    for (const listener of this.#emitter.listeners(name)) {
      try {
        listener(event);
      } catch (error) {
        this.#report(name, error);
      }
    }
  }

  #report(name: string, error: unknown): void {
    if (name !== 'error' && this.#emitter.listenerCount('error') > 0) this.emitSafe('error', error);
    else process.emitWarning(error instanceof Error ? error : String(error), 'CoterieListenerWarning');
  }
}
