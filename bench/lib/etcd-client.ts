import { Client as Channel, Metadata } from '@grpc/grpc-js';
import type { Client, ClientOptions } from 'coterie';
import { type EtcdStats, type EtcdStore, etcd } from 'coterie/etcd';
import type { BenchContext } from './bench.js';

export type EtcdClient = Client<EtcdStore>;

export function openClient({ endpoints }: BenchContext, options: ClientOptions = {}): EtcdClient {
  return etcd({ endpoints, ...options });
}

/** Requests by which a store is used: what keeps its session alive is not counted. */
export function requestsOf(stats: EtcdStats): number {
  return unaryOf(stats) + stats.watchCreates + stats.watchCancels;
}

function unaryOf({ unary }: EtcdStats): number {
  return Object.values(unary).reduce((sum, count) => sum + count, 0);
}

type MakeUnary = Channel['makeUnaryRequest'];

/**
 * Has all unary calls of this process made by `make` instead, while `run` runs. The package hands out neither its channels
 * nor its calls, and should not; this is how they are looked at.
 */
async function lookingOn<T>(make: (channel: Channel, call: MakeUnary) => MakeUnary, run: () => Promise<T>): Promise<T> {
  const { makeUnaryRequest } = Channel.prototype;
  const made = function (this: Channel, ...args: Parameters<MakeUnary>) {
    return make(this, makeUnaryRequest).apply(this, args);
  };
  Channel.prototype.makeUnaryRequest = made as MakeUnary; // Its overloads differ in what may be left out.
  try {
    return await run();
  } finally {
    Channel.prototype.makeUnaryRequest = makeUnaryRequest;
  }
}

/** The channel that a client's own calls go over. */
async function channelOf(client: EtcdClient): Promise<Channel> {
  const seen = new Set<Channel>();
  const look = (channel: Channel, call: MakeUnary): MakeUnary => {
    seen.add(channel);
    return call;
  };
  await lookingOn(look, () => client.store.read({ key: '/coterie-bench/channel' }));
  const [channel] = seen;
  if (channel === undefined || seen.size > 1) throw new Error(`A read went over ${seen.size} channels, not over one.`);
  return channel;
}

/** Runs something, and gives how long each of its unary calls took: from its hand-over to gRPC to the answer's bytes. */
export async function callTimes(run: () => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = [];
  const time = (_: Channel, call: MakeUnary): MakeUnary => {
    const timed = function (this: Channel, ...args: Parameters<MakeUnary>) {
      const began = performance.now();
      const decode = args[2];
      args[2] = (bytes) => {
        tookMs.push(performance.now() - began);
        return decode(bytes);
      };
      return call.apply(this, args);
    };
    return timed as MakeUnary; // As above.
  };
  await lookingOn(time, run);
  return tookMs;
}

const putPath = '/etcdserverpb.KV/Put';
const asIs = (bytes: Buffer): Buffer => bytes;
const putTimeoutMs = 5_000;

/** A PutRequest: field 1, the key, and field 2, the value, both shorter than 128 bytes. */
function putRequest(key: string, value: string): Buffer {
  const field = (tag: number, text: string): Buffer => {
    const bytes = Buffer.from(text);
    if (bytes.length > 127) throw new RangeError(`Too long for a length of one byte: "${text}".`);
    return Buffer.concat([Buffer.from([tag, bytes.length]), bytes]);
  };
  return Buffer.concat([field(0x0a, key), field(0x12, value)]);
}

/**
 * The least that a write can cost in this process, on the very channel of this client: `KV/Put` with a request that is
 * made beforehand, a deadline as every call of the client has one, and an answer that nobody reads.
 */
export async function barePut(client: EtcdClient, key: string): Promise<() => Promise<void>> {
  const channel = await channelOf(client);
  const request = putRequest(key, '0123456789abcdef0123456789abcdef');
  const metadata = new Metadata();
  return () =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + putTimeoutMs;
      channel.makeUnaryRequest(putPath, asIs, asIs, request, metadata, { deadline }, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
}
