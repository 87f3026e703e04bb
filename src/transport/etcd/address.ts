import { isIP } from 'node:net';
import { AddressReader, type Address as AnyAddress } from '../../core/address.js';

/** One endpoint, taken apart. */
export interface Address extends Pick<AnyAddress, 'name' | 'secure'> {
  /** What gRPC connects to. */
  readonly target: string;
  /** The name or address that a certificate must be made out to; without brackets. */
  readonly host: string;
  /** Whether others on the network can read along: neither TLS nor a socket of this machine's file system. */
  readonly exposed: boolean;
}

const kind = { field: 'endpoints', defaultPort: '2379', credentials: 'auth' } as const;

/** Takes an endpoint apart. `tls` says what one without a scheme means. Throws `INVALID_ENDPOINT`. */
export function parseEndpoint(endpoint: unknown, tls: boolean): Address {
  const { name, host, port, socketPath, secure } = new AddressReader(kind, tls).read(endpoint);
  const exposed = !secure && socketPath === undefined;
  return { name, target: socketPath === undefined ? targetOf(host, port) : name, host, secure, exposed };
}

function targetOf(host: string, port: number): string {
  if (isIP(host) === 4) return `ipv4:${host}:${port}`;
  return isIP(host) === 6 ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`;
}
