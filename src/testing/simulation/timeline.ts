import type { TraceEvent } from './trace.js';

/** What a timeline is headed by. */
export interface TimelineHead {
  readonly title: string;
  /** What was broken, and anything else worth saying at the top. */
  readonly lines: readonly string[];
}

/** One column for the world, one for each node. */
const colours: Readonly<Record<string, string>> = {
  fault: '#c0392b',
  put: '#1e8449',
  delete: '#7d6608',
  note: '#1f4e79',
};

const style = `
body { font: 13px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff; }
table { border-collapse: collapse; }
th { position: sticky; top: 0; background: #fff; text-align: left; border-bottom: 1px solid #999; }
th, td { padding: 1px 10px 1px 0; vertical-align: top; }
td.at { font-variant-numeric: tabular-nums; color: #888; text-align: right; white-space: nowrap; }
td { border-left: 1px solid #eee; padding-left: 10px; max-width: 28em; overflow-wrap: anywhere; }
tr.pause td { padding-top: 8px; }
p.broken { color: #c0392b; font-weight: 600; }
`;

/** Text as HTML shows it. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** So long a time without anything is shown as a gap. */
const gapMs = 500;

function row({ atMs, owner, kind, text }: TraceEvent, owners: readonly number[], beforeMs: number): string {
  const cells = owners.map((each) => {
    if (each !== owner) return '<td></td>';
    const what = kind === 'note' ? text : `${kind} ${text}`;
    return `<td style="color: ${colours[kind] ?? '#222'}">${escaped(what)}</td>`;
  });
  const pause = atMs - beforeMs > gapMs ? ' class="pause"' : '';
  return `<tr${pause}><td class="at">${atMs.toFixed(3)}</td>${cells.join('')}</tr>`;
}

/**
 * What happened in a simulated world, as a page of HTML for people: time runs down, and the store and each node have a
 * column. It needs nothing but a browser.
 */
export function timelineOf(events: readonly TraceEvent[], { title, lines }: TimelineHead): string {
  const owners = [...new Set([0, ...events.map(({ owner }) => owner)])].sort((a, b) => a - b);
  const heads = owners.map((owner) => `<th>${owner === 0 ? 'store' : `n${owner}`}</th>`).join('');
  const rows = events.map((event, at) => row(event, owners, events[at - 1]?.atMs ?? 0));
  return [
    `<!doctype html><meta charset="utf-8"><title>${escaped(title)}</title><style>${style}</style>`,
    `<h1>${escaped(title)}</h1>`,
    ...lines.map((line) => `<p class="broken">${escaped(line)}</p>`),
    `<table><thead><tr><th>ms</th>${heads}</tr></thead><tbody>`,
    ...rows,
    '</tbody></table>',
    '',
  ].join('\n');
}
