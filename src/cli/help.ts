/** What `coterie --help` says. */
export const help = `coterie dev [--port 2379] [--host 127.0.0.1] [--data FILE]

Runs a server that speaks etcd's v3 API: etcdctl, etcd's clients and coterie work on it as they are.
For development and tests on one machine; production runs on etcd or Consul.

  --port N     The port to listen on; 0 for one that is free. Default 2379.
  --host ADDR  The address to listen on. There are no passwords and no TLS: think twice. Default 127.0.0.1.
  --data FILE  Keeps the store in this file over restarts. Without it, it ends with the process.
  --help       Says this.
  --version    Says which version of coterie this is.

It ends on SIGINT or SIGTERM, with exit code 0; 1 where it cannot run; 2 where it does not understand what is asked.
`;
