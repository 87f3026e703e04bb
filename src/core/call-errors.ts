/** How transports tell of calls that failed, in the same words for all of them. */
import { CoordinationError, type ErrorDetails, printable } from '../errors.js';

/** What a call was about: `read of "/k"`. */
export function describeCall({ verb, details }: { readonly verb: string; readonly details?: ErrorDetails }): string {
  return details?.key === undefined ? verb : `${verb} of "${printable(details.key)}"`;
}

/** The error of a commit that may or may not have been applied. `cause` says why that cannot be told. */
export function unknownOutcome(what: string, details: ErrorDetails, cause: CoordinationError): CoordinationError {
  const sentence = `It cannot be told whether this was applied; read before trying again: ${what}`;
  return new CoordinationError('UNKNOWN_OUTCOME', sentence, { ...details, cause });
}
