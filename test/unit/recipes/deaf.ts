import type { Batch, Watch } from '../../../src/core/store.js';

/** A watch that tells how things are, and then nothing any more. */
export function deaf(watch: Watch): Watch {
  let batches = 0;
  let end: (result: IteratorResult<Batch>) => void = () => {};
  const never = new Promise<IteratorResult<Batch>>((resolve) => {
    end = resolve;
  });
  return {
    next: () => (batches++ === 0 ? watch.next() : never),
    return: () => {
      end({ done: true, value: undefined });
      return watch.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
