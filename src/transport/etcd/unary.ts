import { type Client, type Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { Method } from './methods.js';

/** A unary call under way. */
export interface Unary {
  cancel(): void;
}

/** How a unary call ended: with an answer, or with a status that says why not. */
export type UnaryEnd<A> = { readonly answer: A } | { readonly code: status; readonly details: string };

/**
 * Makes a unary call on a channel, past the interceptors and the stack trace that `Client.makeUnaryRequest` makes for each
 * call, which are a fifth of its CPU time; here no caller would ever see them. `done` is called once, never before this
 * returns. Throws when the channel is closed.
 */
export function startUnary<A>(
  client: Client,
  method: Method<A>,
  request: Buffer,
  metadata: Metadata,
  deadline: number,
  done: (end: UnaryEnd<A>) => void,
): Unary {
  const call = client.getChannel().createCall(method.path, deadline, null, null, null);
  let message: Buffer | undefined;
  call.start(metadata, {
    onReceiveMetadata: () => {},
    onReceiveMessage: (bytes: Buffer | null) => {
      message ??= bytes ?? undefined;
    },
    onReceiveStatus: (end: StatusObject) => done(endOf(method, message, end)),
  });
  call.sendMessageWithContext({}, request);
  call.halfClose();
  call.startRead();
  return { cancel: () => call.cancelWithStatus(status.CANCELLED, 'Cancelled on client') };
}

function endOf<A>(method: Method<A>, message: Buffer | undefined, { code, details }: StatusObject): UnaryEnd<A> {
  if (code !== status.OK) return { code, details };
  if (message === undefined) return { code: status.INTERNAL, details: 'the call ended well, but without an answer' };
  try {
    return { answer: method.decode(message) };
  } catch {
    return { code: status.INTERNAL, details: 'the answer could not be read' };
  }
}
