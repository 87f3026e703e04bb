/**
 * A server that speaks etcd's v3 API, in this process, on the embedded store: for tests of programs that need etcd, and
 * behind `npx coterie dev`. For development and tests on one machine; production runs on etcd or Consul.
 */
export { type DevServer, type DevServerOptions, startDevServer } from './dev/server.js';
