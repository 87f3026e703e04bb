/** The books, in a SQLite file. The database itself refuses whoever comes with an older token than it has seen. */
import sqlite from 'node-sqlite3-wasm';

const tables = `
  CREATE TABLE IF NOT EXISTS fence (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    token INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS closings (
    night INTEGER PRIMARY KEY,
    total INTEGER NOT NULL,
    token INTEGER NOT NULL,
    author TEXT NOT NULL
  );
  CREATE TRIGGER IF NOT EXISTS no_step_back BEFORE UPDATE ON fence WHEN NEW.token < OLD.token
    BEGIN SELECT RAISE(ABORT, 'stale fencing token'); END;
  CREATE TRIGGER IF NOT EXISTS no_stale_closing BEFORE INSERT ON closings WHEN NEW.token < (SELECT token FROM fence)
    BEGIN SELECT RAISE(ABORT, 'stale fencing token'); END;
  INSERT OR IGNORE INTO fence VALUES (1, 0);`;

export interface Closing {
  readonly night: number;
  readonly total: number;
  readonly token: bigint;
  readonly author: string;
}

export class Ledger implements Disposable {
  readonly #database: InstanceType<typeof sqlite.Database>;

  constructor(file: string) {
    this.#database = new sqlite.Database(file);
    // Another may be at it for a moment. Less than a lease lives: nothing else runs in this process meanwhile.
    this.#database.exec('PRAGMA busy_timeout = 500');
    this.#database.exec(tables);
  }

  /**
   * Shuts out all who hold an older token, and then reads the last closing: whoever read it before can no longer write what
   * came of that. Throws where a newer token was here.
   */
  begin(token: bigint): Pick<Closing, 'night' | 'total'> {
    this.#database.run('UPDATE fence SET token = ?', token);
    return this.closings().at(-1) ?? { night: 0, total: 0 };
  }

  /** One statement, so one transaction: the look at the fence and the write cannot come apart. Throws where it is stale. */
  close({ night, total, token, author }: Closing): void {
    this.#database.run('INSERT INTO closings VALUES (?, ?, ?, ?)', [night, total, token, author]);
  }

  /** All closings, in the order of the nights. */
  closings(): readonly Closing[] {
    const rows = this.#database.all('SELECT night, total, token, author FROM closings ORDER BY night');
    return rows.map(({ night, total, token, author }) => {
      return { night: Number(night), total: Number(total), token: BigInt(String(token)), author: String(author) };
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** Whether the database refused a token, and not something else. */
export function isStale(error: unknown): boolean {
  return error instanceof Error && error.message.includes('stale fencing token');
}
