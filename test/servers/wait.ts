import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** What is waited for; part of the error message. */
  readonly what: string;
  readonly intervalMs?: number;
}

/** Polls until the condition gives something truthy; what it threw last is told when the time is over. */
export async function waitFor<T>(
  condition: () => Promise<T> | T,
  { timeoutMs, what, intervalMs = 20 }: WaitOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      if (error instanceof GaveUp) throw error;
      last = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`${what}: not within ${timeoutMs} ms`, last === undefined ? {} : { cause: last });
    }
    await delay(intervalMs);
  }
}

/** Thrown by a condition that can no longer come true. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** A plain GET on a connection of its own: a pooled one could belong to a server that was killed since. */
export function httpGet(url: string, timeoutMs = 1_000): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}
