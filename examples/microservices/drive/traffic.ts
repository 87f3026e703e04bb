/** Users: one request after the other, at a steady pace, whether or not the ones before it were answered. */

export interface Answer {
  /** When it was asked for. */
  readonly atMs: number;
  /** 0: there was none. */
  readonly status: number;
  /** Which API process answered. */
  readonly from?: string | undefined;
  readonly greeting?: string | undefined;
}

export interface Traffic {
  readonly answers: readonly Answer[];
  /** Sends no more, and waits for the answers that are still to come. */
  stop(): Promise<void>;
}

export function startTraffic(url: string, everyMs: number): Traffic {
  const answers: Answer[] = [];
  const open = new Set<Promise<void>>();
  const ask = async (): Promise<void> => {
    const atMs = Date.now();
    const answer = await get(url).catch(() => ({ status: 0 }));
    answers.push({ atMs, ...answer });
  };
  const timer = setInterval(() => {
    const asked = ask().finally(() => open.delete(asked));
    open.add(asked);
  }, everyMs);
  return {
    answers,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}

export async function get(url: string): Promise<Omit<Answer, 'atMs'>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  const { from, greeting } = (await response.json()) as Omit<Answer, 'atMs'>; // Gateway and API answer with objects.
  return { status: response.status, from, greeting };
}
