import { status } from '@grpc/grpc-js';
import type { Cancel } from '../../core/clock.js';
import { onAbort, timeoutError } from '../../core/signals.js';
import type { CallOptions, Lease, LeaseId } from '../../core/store.js';
import { CoordinationError } from '../../errors.js';
import type { ClusterGuard } from './cluster-guard.js';
import { type Int64, LeaseKeepAliveRequest, type LeaseKeepAliveResponse } from './codec/etcd.js';
import { leaseNumber, sameInt64, toBigint } from './int64.js';
import { finished, streams } from './methods.js';
import type { Retry } from './retry.js';
import { type StreamContext, StreamKeeper } from './stream-keeper.js';

export interface LeaseContext extends StreamContext {
  readonly guard: ClusterGuard;
  readonly attemptMs: number;
  readonly callMs: number;
  readonly retry: () => Retry;
}

/** One renewal that somebody waits for. */
interface Renewal {
  readonly lease: LeaseId;
  readonly id: Int64;
  resolve(lease: Lease): void;
  reject(error: unknown): void;
}

/** A request on the stream. It stays in line when nobody waits any more, since its answer will come all the same. */
interface Sent {
  readonly renewal: Renewal;
  readonly sentMs: number;
}

/** How long the stream stays open without a renewal. */
const idleMs = 10_000;

/**
 * Renewals of all leases of a client, on one stream. etcd answers them in the order in which they were sent, so that each
 * answer belongs to the oldest request without one; a late answer is never taken for that of a later request.
 */
export class LeaseHub {
  readonly #context: LeaseContext;
  readonly #keeper: StreamKeeper<LeaseKeepAliveResponse>;
  readonly #waiting = new Set<Renewal>();
  #line: Sent[] = [];
  #cancelTimer: Cancel | undefined;
  #cancelIdle: Cancel | undefined;
  renewals = 0;

  constructor(context: LeaseContext) {
    this.#context = context;
    const user = {
      opened: (): void => {
        for (const renewal of this.#waiting) this.#send(renewal);
      },
      received: (response: LeaseKeepAliveResponse): void => this.#received(response),
      interrupted: (): boolean => {
        this.#clearStream();
        return this.#waiting.size > 0;
      },
      failed: (error: unknown): void => this.close(error),
    };
    this.#keeper = new StreamKeeper(streams.keepAlive, user, context.retry(), context);
  }

  renew(lease: LeaseId, options: CallOptions | undefined): Promise<Lease> {
    const id = leaseNumber(lease);
    const { clock, callMs } = this.#context;
    const timeoutMs = options?.timeoutMs ?? callMs;
    return new Promise<Lease>((resolve, reject) => {
      const settle = <T>(run: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          if (!this.#waiting.delete(renewal)) return;
          cancelTimeout();
          unlink();
          run(value);
        };
      };
      const renewal: Renewal = { lease, id, resolve: settle(resolve), reject: settle(reject) };
      this.#waiting.add(renewal);
      let unlink = (): void => {};
      const what = `renew the lease ${lease}`;
      const cancelTimeout = clock.after(timeoutMs, () => renewal.reject(timeoutError(timeoutMs, what, { lease })));
      this.#cancelIdle?.();
      this.#cancelIdle = undefined;
      if (this.#keeper.isOpen) this.#send(renewal);
      else this.#keeper.open();
      unlink = onAbort(options?.signal, renewal.reject);
    });
  }

  /** Ends all renewals with this error, and the stream with them. */
  close(error: unknown): void {
    for (const renewal of [...this.#waiting]) renewal.reject(error);
    this.#stop();
  }

  #stop(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    this.#clearStream();
    this.#keeper.stop();
  }

  #clearStream(): void {
    this.#line = [];
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #send(renewal: Renewal): void {
    this.renewals++;
    this.#line.push({ renewal, sentMs: this.#context.clock.now() });
    this.#keeper.send(finished(LeaseKeepAliveRequest.encode({ ID: renewal.id })));
    this.#cancelTimer ??= this.#startTimer();
  }

  /** A server that owes an answer for too long is left for another one, where the renewals are sent again. */
  #startTimer(): Cancel | undefined {
    const oldest = this.#line[0];
    if (oldest === undefined) return undefined;
    const { clock, attemptMs } = this.#context;
    return clock.after(oldest.sentMs + attemptMs - clock.now(), () => {
      this.#cancelTimer = undefined;
      this.#keeper.restart(status.DEADLINE_EXCEEDED, 'no answer on the keep-alive stream');
    });
  }

  #received(response: LeaseKeepAliveResponse): void {
    this.#context.guard.check(response.header);
    const sent = this.#line[0];
    if (sent === undefined || !sameInt64(sent.renewal.id, response.ID)) {
      // The order is lost, and with it the knowledge of which answer is whose.
      this.#keeper.restart(status.INTERNAL, 'an answer on the keep-alive stream fits no request');
      return;
    }
    this.#line.shift();
    this.#cancelTimer?.();
    this.#cancelTimer = this.#startTimer();
    settle(sent.renewal, response);
    if (this.#line.length === 0) this.#cancelIdle ??= this.#context.clock.after(idleMs, () => this.#stop());
  }
}

function settle({ lease, resolve, reject }: Renewal, { TTL }: LeaseKeepAliveResponse): void {
  const ttl = toBigint(TTL);
  if (ttl > 0n) resolve({ id: lease, ttlMs: Number(ttl) * 1_000 });
  else reject(new CoordinationError('LEASE_NOT_FOUND', `The lease ${lease} has ended.`, { lease }));
}
