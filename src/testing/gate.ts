/** What passes through waits while the gate is closed, and goes on in the order in which it came. */
export class Gate {
  #shut: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  close(): void {
    if (this.#shut !== undefined) return;
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#shut = { opened, open };
  }

  open(): void {
    this.#shut?.open();
    this.#shut = undefined;
  }

  /** Resolves once the gate is open. */
  async pass(): Promise<void> {
    while (this.#shut !== undefined) await this.#shut.opened;
  }
}
