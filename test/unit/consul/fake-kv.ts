/** A key with its value, as Consul holds it. Never changed: a write puts another one in its place. */
export interface Pair {
  readonly key: string;
  /** In base64. */
  readonly value: string;
  readonly flags: bigint;
  /** Empty where no session holds the key. */
  readonly session: string;
  readonly created: bigint;
  readonly modified: bigint;
  readonly locks: bigint;
}

/** A session, as it was asked for. */
export interface Session {
  readonly id: string;
  readonly ttl: string;
  readonly behavior: 'delete' | 'release';
  readonly hasLockDelay: boolean;
}

/** One operation of a transaction; numbers keep every digit. */
export interface TxnOp {
  readonly Verb: string;
  readonly Key: string;
  readonly Value?: string | null;
  readonly Flags?: bigint;
  readonly Session?: string;
  readonly Index?: bigint;
}

/** Why an operation of a transaction failed. */
export interface TxnError {
  readonly OpIndex: number;
  readonly What: string;
}

/** One key, or all keys that begin with a prefix. */
export interface KvRange {
  readonly text: string;
  readonly recurse: boolean;
}

/** As Go's %q, which escapes quotes. */
const quoted = (text: string): string => JSON.stringify(text);
const byKey = (a: Pair, b: Pair): number => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
const inRange = ({ text, recurse }: KvRange, key: string): boolean => (recurse ? key.startsWith(text) : key === text);
const highest = (indexes: readonly bigint[]): bigint => indexes.reduce((a, b) => (a > b ? a : b), 0n);

function checkIndex({ Key, Index = 0n }: TxnOp, old: Pair | undefined): readonly Pair[] | string {
  if (old === undefined) return `failed to check index, key ${quoted(Key)} doesn't exist`;
  if (old.modified === Index) return [{ ...old, value: '' }];
  return `failed index check for key ${quoted(Key)}, current modify index ${old.modified} != ${Index}`;
}

function checkSession({ Key, Session = '' }: TxnOp, old: Pair | undefined): readonly Pair[] | string {
  if (old === undefined) return `failed to check session, key ${quoted(Key)} doesn't exist`;
  if (old.session === Session) return [{ ...old, value: '' }];
  return `failed session check for key ${quoted(Key)}, current session ${quoted(old.session)} != ${quoted(Session)}`;
}

/** Keys, sessions and their indexes, by the rules that were measured on Consul 1.8. No session ends by itself. */
export class FakeKv {
  /** The index of the last change of whatever kind. */
  index = 10n;
  pairs: ReadonlyMap<string, Pair> = new Map();
  readonly sessions = new Map<string, Session>();
  /** Keys that nobody can lock now, because of the lock delay of a session that has ended. */
  readonly delayed = new Set<string>();
  /** How many times the index was set. */
  jumps = 0;
  /** The index of the last change of a key. */
  #written = 10n;
  #deletes: ReadonlyMap<string, bigint> = new Map();
  #named = 0;
  #waiters: (() => void)[] = [];

  /** The keys of a range, in the order of their bytes. */
  find(range: KvRange): Pair[] {
    return [...this.pairs.values()].filter(({ key }) => inRange(range, key)).sort(byKey);
  }

  /** The index that a query of this range answers with. */
  indexOf(range: KvRange): bigint {
    const deletes = [...this.#deletes].flatMap(([key, at]) => (range.recurse && inRange(range, key) ? [at] : []));
    return highest([...this.find(range).map(({ modified }) => modified), ...deletes]) || this.#written;
  }

  /** Goes on from this index, above or below. Everybody who waits for a change gets an answer. */
  jump(index: bigint): void {
    this.jumps++;
    this.index = index;
    this.#written = index;
    this.#wake();
  }

  /** What an operator does who restores a backup: other keys, at another index. */
  restore(index: bigint, pairs: readonly Pair[] = []): void {
    this.pairs = new Map(pairs.map((pair) => [pair.key, pair]));
    this.#deletes = new Map();
    this.jump(index);
  }

  /** Resolves with the next change. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Writes a key from outside, as another client does. Returns the index. */
  set(key: string, text: string, flags = 0n): bigint {
    const done = this.txn([{ Verb: 'set', Key: key, Value: Buffer.from(text).toString('base64'), Flags: flags }]);
    if ('errors' in done) throw new Error(done.errors[0]?.What);
    return this.index;
  }

  /** Deletes a key from outside. */
  delete(key: string): void {
    this.txn([{ Verb: 'delete', Key: key }]);
  }

  open(session: Omit<Session, 'id'>): string {
    const id = `5e55105e-0000-4000-8000-${String(++this.#named).padStart(12, '0')}`;
    this.sessions.set(id, { ...session, id });
    this.index++;
    return id;
  }

  /** Ends a session, whether by its holder, an operator or its time to live. */
  end(id: string): void {
    const session = this.sessions.get(id);
    if (session === undefined || !this.sessions.delete(id)) return;
    this.index++;
    const pairs = new Map(this.pairs);
    const held = [...this.pairs.values()].filter((pair) => pair.session === id);
    for (const pair of held) {
      if (session.hasLockDelay) this.delayed.add(pair.key);
      if (session.behavior === 'delete') pairs.delete(pair.key);
      else pairs.set(pair.key, { ...pair, session: '', modified: this.index });
    }
    if (held.length > 0) this.#replace(pairs);
  }

  /** All operations or none. What failed is told of every operation that did; lock delays are looked at before all else. */
  txn(ops: readonly TxnOp[]): { readonly results: readonly Pair[] } | { readonly errors: readonly TxnError[] } {
    const delays = [...ops.entries()].flatMap(([OpIndex, { Verb, Key }]) => {
      const What = `failed to lock key ${quoted(Key)} due to lock delay`;
      return Verb === 'lock' && this.delayed.has(Key) ? [{ OpIndex, What }] : [];
    });
    if (delays.length > 0) return { errors: delays };
    const draft = new Map(this.pairs);
    const results: Pair[] = [];
    const errors: TxnError[] = [];
    for (const [OpIndex, op] of ops.entries()) {
      const outcome = this.#step(draft, op);
      if (typeof outcome === 'string') errors.push({ OpIndex, What: outcome });
      else results.push(...outcome);
    }
    if (errors.length > 0) return { errors };
    if (ops.some(({ Verb }) => !/^(?:get|check)/.test(Verb))) {
      this.index++;
      this.#replace(draft);
    }
    return { results };
  }

  /** What one operation answers with, or why it failed. */
  #step(draft: Map<string, Pair>, op: TxnOp): readonly Pair[] | string {
    const { Verb, Key } = op;
    if (Key === '' && Verb !== 'delete-tree') return 'Must provide key';
    const old = draft.get(Key);
    switch (Verb) {
      case 'check-not-exists':
        return old === undefined ? [] : `key ${quoted(Key)} exists`;
      case 'check-index':
        return checkIndex(op, old);
      case 'check-session':
        return checkSession(op, old);
      case 'get':
        return old === undefined ? `key ${quoted(Key)} doesn't exist` : [old];
      case 'get-tree':
        return [...draft.values()].filter(({ key }) => key.startsWith(Key)).sort(byKey);
      case 'set':
        return [this.#write(draft, op, old?.session ?? '', 0n)];
      case 'lock':
        return this.#lock(draft, op, old);
      case 'unlock':
        if (old !== undefined && old.session !== '' && old.session === op.Session) {
          return [this.#write(draft, op, '', old.locks)];
        }
        return `failed to unlock key ${quoted(Key)}, lock isn't held, or is held by another session`;
      case 'delete':
        draft.delete(Key);
        return [];
      case 'delete-tree':
        for (const key of [...draft.keys()]) if (key.startsWith(Key)) draft.delete(key);
        return [];
      default:
        return `unknown KV verb "${Verb}"`;
    }
  }

  #lock(draft: Map<string, Pair>, op: TxnOp, old: Pair | undefined): readonly Pair[] | string {
    const { Key, Session = '' } = op;
    if (Session.length !== 36) return 'failed session lookup: index error: UUID must be 36 characters';
    if (!this.sessions.has(Session)) return `invalid session ${quoted(Session)}`;
    const { session = '', locks = 0n } = old ?? {};
    if (session === Session) return [this.#write(draft, op, Session, locks)];
    return session === ''
      ? [this.#write(draft, op, Session, locks + 1n)]
      : `failed to lock key ${quoted(Key)}, lock is already held`;
  }

  /** A write that changes nothing leaves the index of the key as it is, as Consul from 1.9 on does. */
  #write(draft: Map<string, Pair>, { Key, Value, Flags = 0n }: TxnOp, session: string, locks: bigint): Pair {
    const old = draft.get(Key);
    const value = Value ?? '';
    const same = old?.value === value && old.flags === Flags && old.session === session && old.locks === locks;
    const modified = same ? old.modified : this.index + 1n;
    const pair = { key: Key, value, flags: Flags, session, locks, created: old?.created ?? modified, modified };
    draft.set(Key, pair);
    return { ...pair, value: '' };
  }

  #replace(pairs: ReadonlyMap<string, Pair>): void {
    const gone = [...this.pairs.keys()].filter((key) => !pairs.has(key));
    this.#deletes = new Map([...this.#deletes, ...gone.map((key) => [key, this.index] as const)]);
    this.pairs = pairs;
    this.#written = this.index;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
