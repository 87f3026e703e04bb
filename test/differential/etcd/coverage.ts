/** What has occurred, and what has to, for equal answers to mean anything. */
import { isFields, type Plain, type PlainFields } from './plain.js';
import type { Fields, Value } from './step.js';
import { Mark } from './step.js';

const enums: Readonly<Record<string, readonly string[]>> = {
  sortOrder: ['NONE', 'ASCEND', 'DESCEND'],
  sortTarget: ['KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'],
  result: ['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'],
  target: ['VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'],
};

export class Coverage {
  readonly counts = new Map<string, number>();

  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  answered(call: string, request: Fields, answer: PlainFields): void {
    this.add(call);
    const failed = answer['details'] !== undefined;
    if (failed) this.add(`${call} error: ${String(answer['details']).replaceAll(/\d+/g, 'N')}`);
    this.#options(call, request, failed ? '!' : '');
    if (call === 'txn' && !failed) this.#txn(answer, 1);
    if (answer['more'] === true) this.add('range more');
    if (call === 'keepAlive' || call === 'timeToLive') this.add(`${call} ${lives(answer) ? 'lives' : 'is gone'}`);
  }

  watched(request: Fields): void {
    this.add('watch');
    this.#options('watch', request, '');
  }

  /** What watches were shown. */
  saw(seen: PlainFields): void {
    for (const stream of Object.values(seen)) {
      for (const events of Object.values(stream as PlainFields))
        for (const one of events as readonly Plain[]) this.#saw(one);
    }
  }

  missing(required: readonly string[]): readonly string[] {
    return required.filter((what) => !this.counts.has(what));
  }

  #saw(one: Plain): void {
    if (!isFields(one)) return;
    if (one['kv'] !== undefined) {
      const type = one['type'] === 1 ? 'DELETE' : 'PUT';
      this.add(`event ${type}`);
      if (one['prevKv'] !== undefined) this.add(`event ${type} with prevKv`);
    } else if (one['cancelReason'] !== undefined) this.add(`watch error: ${String(one['cancelReason'])}`);
    else if (one['compactRevision'] !== undefined) this.add('watch compacted');
    else if (one['canceled'] === true) this.add('watch canceled');
  }

  /** Each field that was set, and each of its values where they are few. */
  #options(where: string, request: Fields, failed: string): void {
    for (const [field, value] of Object.entries(request)) {
      if (Array.isArray(value)) {
        const list = value as readonly Value[];
        for (const each of list) this.#element(where, field, each, failed);
      } else if (typeof value === 'number')
        this.add(`${where} ${field} ${enums[field]?.[value] ?? 'unknown'}${failed}`);
      else if (value instanceof Mark) this.add(`${where} ${field} ${value.of}${failed}`);
      else this.add(`${where} ${field}${failed}`);
    }
    if (request['sortOrder'] !== undefined && request['sortTarget'] !== undefined) {
      const [order, target] = [Number(request['sortOrder']), Number(request['sortTarget'])];
      this.add(`${where} sort ${enums['sortTarget']?.[target]} ${enums['sortOrder']?.[order]}${failed}`);
    }
  }

  #element(where: string, field: string, each: Value, failed: string): void {
    if (typeof each === 'number') this.add(`${where} ${field} ${each}`);
    else if (field === 'compare') this.#compare(each as Fields, failed);
    else if (typeof each === 'object') {
      const [kind, request] = Object.entries(each)[0] ?? ['nothing', {}];
      this.add(`${where} of ${kind}${failed}`);
      this.#options(kind, request as Fields, failed);
    }
  }

  #compare(compare: Fields, failed: string): void {
    const [target, result] = [Number(compare['target']), Number(compare['result'])];
    const range = compare['rangeEnd'] === undefined ? '' : ' of a range';
    this.add(`compare ${enums['target']?.[target]} ${enums['result']?.[result]}${range}${failed}`);
  }

  #txn(answer: PlainFields, depth: number): void {
    this.add(`txn of depth ${depth} ${answer['succeeded'] === true ? 'succeeds' : 'does not'}`);
    for (const response of (answer['responses'] ?? []) as readonly PlainFields[]) {
      const inner = response['responseTxn'];
      if (isFields(inner)) this.#txn(inner, depth + 1);
    }
  }
}

/** Whether a lease has time left. */
function lives(answer: PlainFields): boolean {
  const left = (answer['left'] ?? answer['TTL']) as bigint | undefined;
  return left !== undefined && left > 0n;
}
