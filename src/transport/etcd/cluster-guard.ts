import { CoordinationError } from '../../errors.js';
import type { Int64, ResponseHeader } from './codec/etcd.js';
import { isZero, sameInt64, toBigint } from './int64.js';

/**
 * Notices that the cluster is no longer the one it was: another id, or a revision that went back, as after a restored
 * backup. Fencing tokens of before and after do not compare then, so nothing may go on as if nothing had happened.
 */
export class ClusterGuard {
  readonly #doom: (error: CoordinationError) => void;
  #id: Int64 | undefined;
  #seen = 0n;

  /** `doom` is told of the error once it is found; everything is expected to reject with it from then on. */
  constructor(doom: (error: CoordinationError) => void) {
    this.#doom = doom;
  }

  /** The highest revision that any answer has shown. */
  get seen(): bigint {
    return this.#seen;
  }

  /**
   * Checks an answer and returns its revision. `since` is {@link seen} from before the request was sent, given where the
   * answer is linearizable: it cannot be older than that. Answers of other kinds may come from a member that lags.
   */
  check(header: ResponseHeader.$Properties | null | undefined, since?: bigint): bigint {
    if (!header) throw new CoordinationError('PROTOCOL_ERROR', 'The answer has no header: the endpoint is no etcd.');
    const { clusterId, revision: wire } = header;
    if (clusterId && !isZero(clusterId)) this.#checkId(clusterId);
    const revision = wire ? toBigint(wire) : 0n;
    if (since !== undefined && revision < since) {
      const sentence = `The revision of the store went back from ${since} to ${revision}: it was restored from a backup or is no single cluster.`;
      this.#fail(new CoordinationError('REVISION_REGRESSED', sentence));
    }
    if (revision > this.#seen) this.#seen = revision;
    return revision;
  }

  #checkId(id: Int64): void {
    if (this.#id === undefined) this.#id = id;
    else if (!sameInt64(this.#id, id)) {
      const sentence = 'The endpoints lead to another cluster than before: it was rebuilt, or they belong to several.';
      this.#fail(new CoordinationError('CLUSTER_CHANGED', sentence));
    }
  }

  #fail(error: CoordinationError): never {
    this.#doom(error);
    throw error;
  }
}
