/** So many requests in each second, and no more. The limit is asked for each time: it may have changed. */
export function rateLimit(perSecond: () => number): () => boolean {
  let second = 0;
  let used = 0;
  return () => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      second = now;
      used = 0;
    }
    return used++ < perSecond();
  };
}
