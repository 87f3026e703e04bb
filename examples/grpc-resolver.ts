/** gRPC channels that find their servers in the registry, as `coterie:///echo`. */
import { Client, credentials, Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import { ServiceRegistry } from 'coterie';
import { registerCoterieResolver } from 'coterie/grpc';
import { memory } from 'coterie/memory';

// What generated code would say of a method that takes a text and answers with one.
const bytes = (text: string) => Buffer.from(text);
const request = { requestStream: false, requestSerialize: bytes, requestDeserialize: String } as const;
const response = { responseStream: false, responseSerialize: bytes, responseDeserialize: String } as const;
const who = { path: '/Echo/Who', ...request, ...response };

await using client = memory();
const registry = new ServiceRegistry(client, '/services/echo');
using _ = registerCoterieResolver(client);

async function serve(name: string) {
  const server = new Server();
  server.addService({ who }, { who: (_call: unknown, answer: sendUnaryData<string>) => answer(null, name) });
  const bind = (done: (port: number) => void) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) => done(port));
  const registration = await registry.register({ id: name, address: '127.0.0.1', port: await new Promise(bind) });
  return { leave: () => registration.leave(), shutdown: () => server.forceShutdown() };
}

const [ada, bob] = [await serve('ada'), await serve('bob')];
const stub = new Client('coterie:///echo', credentials.createInsecure());
const ask = (): Promise<string | undefined> =>
  new Promise((resolve) => stub.makeUnaryRequest(who.path, bytes, String, 'who?', (_error, text) => resolve(text)));

const answers = new Set<string | undefined>();
while (answers.size < 2) answers.add(await ask());
console.log(`answers come from ${[...answers].sort().join(' and ')}`);

await ada.leave();
while ((await ask()) !== 'bob' || (await ask()) !== 'bob') console.log('on its way');
console.log(`ada has left: ${await ask()} it is`);
for (const end of [() => stub.close(), ada.shutdown, bob.shutdown]) end();
