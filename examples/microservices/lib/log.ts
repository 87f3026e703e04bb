/** One line of JSON on stdout for each event: for people with `jq`, and for whoever collects logs. */

/** What a line says beside when it was written, and by whom. */
export type About = Readonly<Record<string, unknown>>;

export type Log = (event: string, about?: About) => void;

export function openLog(service: string, id: string): Log {
  // Whoever read the log has gone: that is no reason to stop serving.
  process.stdout.on('error', () => {});
  return (event, about = {}) => {
    const line = { time: new Date().toISOString(), service, id, event, ...about };
    process.stdout.write(`${JSON.stringify(line, textOfBigints)}\n`);
  };
}

/** Tokens and revisions are bigints, which JSON does not know. */
function textOfBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
