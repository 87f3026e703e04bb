import { Channel, ChannelCredentials, Client as GrpcClient, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { Client, ClientOptions } from 'coterie';
import { type EtcdStats, type EtcdStore, etcd } from 'coterie/etcd';
import type { BenchContext } from './bench.js';
import type { Requests } from './line-drain.js';

export type EtcdClient = Client<EtcdStore>;

export function openClient({ endpoints }: Pick<BenchContext, 'endpoints'>, options: ClientOptions = {}): EtcdClient {
  return etcd({ endpoints, ...options });
}

/** Requests by which a store is used, by kind: what keeps its session alive is not counted. */
export function requestsByKind({ unary, watchCreates, watchCancels }: EtcdStats): Requests {
  return { ...unary, watchCreates, watchCancels };
}

type CreateCall = Channel['createCall'];
type Call = ReturnType<CreateCall>;

/**
 * Shows `look` every call that this process begins while `run` runs. The package hands out neither its channels nor its
 * calls, and should not; this is how they are looked at.
 */
async function lookingOn<T>(look: (channel: Channel, call: Call) => void, run: () => Promise<T>): Promise<T> {
  const { createCall } = Channel.prototype;
  Channel.prototype.createCall = function (this: Channel, ...args: Parameters<CreateCall>) {
    const call = createCall.apply(this, args);
    look(this, call);
    return call;
  };
  try {
    return await run();
  } finally {
    Channel.prototype.createCall = createCall;
  }
}

/** The channel that a client's own calls go over. */
async function channelOf(client: EtcdClient): Promise<Channel> {
  const seen = new Set<Channel>();
  await lookingOn(
    (channel) => seen.add(channel),
    () => client.store.read({ key: '/coterie-bench/channel' }),
  );
  const [channel] = seen;
  if (channel === undefined || seen.size > 1) throw new Error(`A read went over ${seen.size} channels, not over one.`);
  return channel;
}

/** Runs something, and gives how long each of its calls took: from its beginning at gRPC to the bytes of the answer. */
export async function callTimes(run: () => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = [];
  const time = (_: Channel, call: Call): void => {
    const began = performance.now();
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      const received = listener.onReceiveMessage.bind(listener);
      listener.onReceiveMessage = (message) => {
        tookMs.push(performance.now() - began);
        received(message);
      };
      start(metadata, listener);
    };
  };
  await lookingOn(time, run);
  return tookMs;
}

const putPath = '/etcdserverpb.KV/Put';
const asIs = (bytes: Buffer): Buffer => bytes;
const putTimeoutMs = 5_000;
const noop = (): void => {};

/** A PutRequest: field 1, the key, and field 2, the value, both shorter than 128 bytes. */
function putRequest(key: string): Buffer {
  const field = (tag: number, text: string): Buffer => {
    const bytes = Buffer.from(text);
    if (bytes.length > 127) throw new RangeError(`Too long for a length of one byte: "${text}".`);
    return Buffer.concat([Buffer.from([tag, bytes.length]), bytes]);
  };
  return Buffer.concat([field(0x0a, key), field(0x12, '0123456789abcdef0123456789abcdef')]);
}

/**
 * The least that a write can cost in this process, on the very channel of this client: `KV/Put` with a request that is
 * made beforehand, a deadline as every call of the client has one, an answer that nobody reads, and nothing of gRPC but
 * the channel.
 */
export async function barePut(client: EtcdClient, key: string): Promise<() => Promise<void>> {
  const channel = await channelOf(client);
  const request = putRequest(key);
  const metadata = new Metadata();
  return () =>
    new Promise((resolve, reject) => {
      const call = channel.createCall(putPath, Date.now() + putTimeoutMs, null, null, null);
      const onReceiveStatus = (end: StatusObject): void => {
        if (end.code === status.OK) resolve();
        else reject(new Error(`A bare Put failed: ${end.details}`));
      };
      call.start(metadata, { onReceiveMetadata: noop, onReceiveMessage: noop, onReceiveStatus });
      call.sendMessageWithContext({}, request);
      call.halfClose();
      call.startRead();
    });
}

/** The same Put on the same channel as gRPC's own unary call makes it, with interceptors and all. */
export async function ordinaryPut(client: EtcdClient, key: string): Promise<() => Promise<void>> {
  const channelOverride = await channelOf(client);
  const grpc = new GrpcClient(channelOverride.getTarget(), ChannelCredentials.createInsecure(), { channelOverride });
  const request = putRequest(key);
  const metadata = new Metadata();
  return () =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + putTimeoutMs;
      grpc.makeUnaryRequest(putPath, asIs, asIs, request, metadata, { deadline }, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
}
