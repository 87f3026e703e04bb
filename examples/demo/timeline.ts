/** One event, one line of at most 80 columns: when, who, what, and by which token. */
import type { Colour, Paint } from './colours.js';
import type { DemoEvent } from './events.js';
import type { Setting } from './stage.js';

const colours: Readonly<Record<string, Colour>> = {
  ada: 'cyan',
  bob: 'green',
  cyd: 'yellow',
  dan: 'blue',
  eve: 'magenta',
};

const width = 80;
const nameWidth = 4;

interface Line {
  readonly text: string;
  readonly token?: bigint;
  /** For what should catch the eye. */
  readonly loud?: true;
}

export function eventLine(event: DemoEvent, paint: Paint): string {
  const { text, token, loud } = describe(event);
  const time = `${event.atMs.toFixed(0).padStart(6)} ms`;
  const who = paint(colours[event.who] ?? 'bold', event.who.padEnd(nameWidth));
  const right = token === undefined ? '' : `token ${token}`;
  // Cut rather than wrapped: a line is an event.
  const room = width - time.length - 4 - nameWidth - right.length - 1;
  const body = text.length > room ? `${text.slice(0, room - 3)}...` : text;
  const left = loud ? paint('red', body) : body;
  const line = `${paint('dim', time)}  ${who}  ${left}`;
  return right === '' ? line : `${line}${' '.repeat(room - body.length + 1)}${paint('dim', right)}`;
}

function describe(event: DemoEvent): Line {
  switch (event.kind) {
    case 'joins':
      return { text: `joins     the config says ${event.config}` };
    case 'waits':
      return { text: 'waits     for the lock' };
    case 'holds':
      return { text: `holds     the lock; reads ${event.counter}`, token: event.token };
    case 'adds':
      return { text: `adds      one; the store has ${event.counter}`, token: event.token };
    case 'unsure':
      return { text: `unsure    whether its write came through (${event.code})`, token: event.token, loud: true };
    case 'releases':
      return { text: 'releases  the lock', token: event.token };
    case 'leads':
      return { text: 'leads     from now on', token: event.token };
    case 'loses':
      return { text: `loses     the ${event.what} (${event.code})`, token: event.token, loud: true };
    case 'refused':
      return refusal(event);
    case 'config':
      return { text: `config    is now ${event.config}` };
    case 'fails':
      return { text: `fails     ${event.reason}`, loud: true };
    case 'kills':
      return { text: `kills     ${event.whom}, the leader: ${event.how}`, loud: true };
    case 'pauses':
      return { text: `pauses    ${event.whom}, the holder: ${event.how}`, loud: true };
    case 'wakes':
      return { text: `wakes     ${event.whom}: ${event.how}` };
    case 'tells':
      return { text: event.text };
  }
}

function refusal(event: Extract<DemoEvent, { kind: 'refused' }>): Line {
  const { token } = event;
  if (event.by === 'holder') return { text: `refused   to write, by its own hold (${event.code})`, token, loud: true };
  return { text: `refused   by the store: token ${event.newest} came after`, token, loud: true };
}

/** What is played where, and what is to be known about the store. */
export function introductionLines(setting: Setting, prefix: string, paint: Paint): readonly string[] {
  const { place, ttlMs, longestMs } = setting;
  const lines = [`coterie demo on ${place}, below ${prefix}`];
  if (longestMs > ttlMs) {
    lines.push(
      `Sessions live ${ttlMs / 1_000} s here and end up to ${longestMs / 1_000} s after their last renewal, so that`,
      'a killed worker is noticed later than on etcd.',
    );
  }
  return lines.map((line) => paint('dim', line));
}

/** The headline of a scene, and under it what to look for. */
export function headlineLines(n: number, title: string, toBeSeen: string, paint: Paint): readonly string[] {
  return ['', paint('bold', `${n}. ${title}`), `   ${paint('dim', toBeSeen)}`];
}
