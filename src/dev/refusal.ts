/** The refusals of etcd's v3 API: the codes of gRPC and the sentences that clients look for. */

/** What is said instead of an answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** A status code of gRPC. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** gRPC's numbers. Written out, so that the machine can be used without loading gRPC. */
const codes = { invalid: 3, notFound: 5, precondition: 9, range: 11, unimplemented: 12, unavailable: 14 } as const;

/** As `rpctypes/error.go` of etcd 3.5 has them. */
const refusals = {
  emptyKey: [codes.invalid, 'key is not provided'],
  keyNotFound: [codes.invalid, 'key not found'],
  valueProvided: [codes.invalid, 'value is provided'],
  leaseProvided: [codes.invalid, 'lease is provided'],
  tooManyOps: [codes.invalid, 'too many operations in txn request'],
  duplicateKey: [codes.invalid, 'duplicate key given in txn request'],
  requestTooLarge: [codes.invalid, 'request is too large'],
  compacted: [codes.range, 'mvcc: required revision has been compacted'],
  futureRevision: [codes.range, 'mvcc: required revision is a future revision'],
  leaseNotFound: [codes.notFound, 'requested lease not found'],
  leaseExists: [codes.precondition, 'lease already exists'],
  leaseTtlTooLarge: [codes.range, 'too large lease TTL'],
  authNotEnabled: [codes.precondition, 'authentication is not enabled'],
} as const;

export type RefusalName = keyof typeof refusals;

/** The refusal of this name, to be thrown. */
export function refusal(name: RefusalName): Refusal {
  const [code, sentence] = refusals[name];
  return new Refusal(code, `etcdserver: ${sentence}`);
}

/** The refusal of what this server does not do. */
export function unimplemented(sentence: string): Refusal {
  return new Refusal(codes.unimplemented, `coterie dev: ${sentence}`);
}

/** The refusal of everything, once what is answered could not be kept. */
export function unavailable(sentence: string): Refusal {
  return new Refusal(codes.unavailable, `coterie dev: ${sentence}`);
}
