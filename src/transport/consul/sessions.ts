import { hostname } from 'node:os';
import type { CallOptions, Lease, LeaseId } from '../../core/store.js';
import { isCoordinationError } from '../../errors.js';
import type { Calls } from './calls.js';
import type { Answer } from './http.js';
import { garbled, listOf, objectOf, parseExactly } from './json.js';
import type { ConsulConfig } from './options.js';

const rule = 'session_prefix "" { policy = "write" }';

/** Leases as Consul's sessions. */
export class Sessions {
  readonly #calls: Calls;
  readonly #config: ConsulConfig;

  constructor(calls: Calls, config: ConsulConfig) {
    this.#calls = calls;
    this.#config = config;
  }

  async grant(ttlMs: number, options: CallOptions | undefined): Promise<Lease> {
    const { lockDelayMs, checks } = this.#config.session;
    const body = JSON.stringify({
      Name: `coterie ${hostname()} ${process.pid}`,
      TTL: `${Math.ceil(ttlMs)}ms`,
      Behavior: 'delete',
      LockDelay: `${Math.ceil(lockDelayMs)}ms`,
      // Before version 1.7 checks had the one name, since then they have the other.
      Checks: checks,
      NodeChecks: checks,
    });
    // A grant whose answer is lost leaves a session without keys, which ends by itself.
    const id = await this.#calls.call(
      {
        kind: 'grant',
        method: 'PUT',
        path: '/v1/session/create',
        body,
        read: ({ body: text }: Answer) => sessionId(objectOf(parseExactly(text), 'a new session')),
        verb: 'grant a lease',
        rule,
      },
      options,
    );
    return { id, ttlMs: Math.ceil(ttlMs) };
  }

  async renew(lease: LeaseId, options: CallOptions | undefined): Promise<Lease> {
    const ttlMs = await this.#calls.call(
      {
        kind: 'renew',
        method: 'PUT',
        path: `/v1/session/renew/${encodeURIComponent(lease)}`,
        read: ({ body }: Answer) => grantedMs(parseExactly(body), lease),
        verb: 'renew a lease',
        details: { lease },
        rule,
      },
      options,
    );
    return { id: lease, ttlMs };
  }

  async revoke(lease: LeaseId, options: CallOptions | undefined): Promise<void> {
    try {
      await this.#calls.call(
        {
          kind: 'revoke',
          method: 'PUT',
          path: `/v1/session/destroy/${encodeURIComponent(lease)}`,
          read: () => undefined,
          verb: 'revoke a lease',
          details: { lease },
          rule,
        },
        options,
      );
    } catch (error) {
      if (!isCoordinationError(error, 'LEASE_NOT_FOUND')) throw error;
    }
  }
}

function sessionId({ ID }: Readonly<Record<string, unknown>>): string {
  if (typeof ID === 'string' && /^[\w-]+$/.test(ID)) return ID;
  throw garbled('a session has no id');
}

function grantedMs(body: unknown, lease: LeaseId): number {
  const { ID, TTL } = objectOf(listOf(body, 'a renewed session')[0], 'a renewed session');
  if (ID !== lease) throw garbled('it renewed another session');
  const ms = typeof TTL === 'string' ? durationMs(TTL) : undefined;
  if (ms === undefined) throw garbled('a session has no time to live');
  return ms;
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, ns: 1e-6 };

/** A time as Go writes it, `1m30s`, in milliseconds. */
function durationMs(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|us|ns|s))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/([\d.]+)([a-z]+)/g)) sum += Number(count) * (units[unit ?? ''] ?? 0);
  return sum > 0 ? sum : undefined;
}
