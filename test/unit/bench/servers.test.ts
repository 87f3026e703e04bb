import { expect, it } from 'vitest';
import { parseOptions } from '../../../bench/lib/options.js';
import { Servers } from '../../../bench/lib/servers.js';

const nobody = 'http://127.0.0.1:1';

it('servers that are given and do not answer are an error for each bench that needs them, and for no other', async () => {
  const told: string[] = [];
  const servers = new Servers(parseOptions(['--consul', nobody, '--endpoints', nobody], []), (about) =>
    told.push(about),
  );
  await expect(servers.need('consul')).rejects.toThrow(`No Consul answers at ${nobody}.`);
  await expect(servers.need('consul')).rejects.toThrow('No Consul answers');
  await expect(servers.need('etcd')).rejects.toThrow('No etcd answers');
  expect(await servers.need(undefined)).toEqual([]);
  expect(told).toEqual([]);
  servers.stop();
});
