import { Metadata } from '@grpc/grpc-js';
import { isCoordinationError } from '../../errors.js';
import type { EtcdAuthOptions } from './options.js';

/** Trades a name and a password for a token; undefined where the cluster has authentication switched off. */
export type Login = (name: string, password: string) => Promise<string | undefined>;

/**
 * The token that calls carry, fetched when it is first needed and again after a call was told that it is no longer good.
 * However many calls find that out together, etcd is asked once: hashing the password costs it about 100 ms of CPU.
 */
export class Auth {
  readonly #options: EtcdAuthOptions | undefined;
  readonly #login: Login;
  #metadata: Metadata | undefined;
  #pending: Promise<Metadata> | undefined;

  constructor(options: EtcdAuthOptions | undefined, login: Login) {
    this.#options = options;
    this.#login = login;
    if (options === undefined) this.#metadata = new Metadata();
  }

  /** Whether a new token can help a call that was refused for its token. */
  get renewable(): boolean {
    return this.#options !== undefined;
  }

  /** The metadata of calls, if there is nothing to wait for. It is shared: callers do not change it. */
  get ready(): Metadata | undefined {
    return this.#metadata;
  }

  /** The metadata of calls. Rejects with the error of the login. */
  metadata(): Promise<Metadata> {
    if (this.#metadata !== undefined) return Promise.resolve(this.#metadata);
    this.#pending ??= this.#authenticate().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /** This metadata was refused: the next call gets another, unless that has happened already. */
  expire(metadata: Metadata): void {
    if (this.renewable && this.#metadata === metadata) this.#metadata = undefined;
  }

  async #authenticate(): Promise<Metadata> {
    const { username = '', password = '' } = this.#options ?? {};
    const token = await this.#login(username, password);
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('token', token);
    this.#metadata = metadata;
    return metadata;
  }
}

/** Whether a login failed only because the cluster has authentication switched off. */
export function isAuthDisabled(error: unknown): boolean {
  return isCoordinationError(error, 'REFUSED_BY_STORE') && error.message.includes('authentication is not enabled');
}
