import { type CoordinationError, isCoordinationError } from '../src/errors.js';

/** The coded error with which a promise rejects. */
export async function failureOf(promise: Promise<unknown>): Promise<CoordinationError> {
  try {
    await promise;
  } catch (error) {
    if (isCoordinationError(error)) return error;
    throw error;
  }
  throw new Error('it did not reject');
}

/** The code of the error with which a promise rejects. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await failureOf(promise)).code;
}
