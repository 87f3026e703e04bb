import { afterEach, describe, expect, test, vi } from 'vitest';
import { SERVER_NAMES, searchServers } from './find.js';
import { scratchDir } from './watchdog.js';

/** A machine on which nothing can be had: no programs, no engine, and the means to fetch them fails. */
function bareMachine(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const empty = scratchDir('empty');
  return { PATH: empty, COTERIE_SERVERS_DIR: empty, COTERIE_SERVERS_FETCH: `${empty}/no-such-program`, ...more };
}

describe('the finder', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function spyOnStderr(): string[] {
    const lines: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      lines.push(...String(text).trimEnd().split('\n'));
      return true;
    });
    return lines;
  }

  test.each([undefined, 'process', 'container'])('says in one line each what is missing, mode %s', async (mode) => {
    const lines = spyOnStderr();
    const found = await searchServers(bareMachine(mode === undefined ? {} : { COTERIE_SERVERS: mode }));
    expect(Object.values(found).map((each) => each.mode)).toEqual(['none', 'none', 'none']);
    expect(lines).toHaveLength(SERVER_NAMES.length);
    for (const [i, name] of SERVER_NAMES.entries()) {
      expect(lines[i]).toMatch(new RegExp(`^\\*\\*\\* NO ${name}: .*no-such-program does not run.*left out`));
      expect(lines[i]).toContain(`Run scripts/servers fetch ${name}`);
    }
  });

  test('tells the reason that the fetch program gave', async () => {
    const lines = spyOnStderr();
    // The real program, where neither apt nor an engine is on PATH.
    const { COTERIE_SERVERS_FETCH: _, ...env } = bareMachine({ COTERIE_SERVERS: 'process' });
    await searchServers(env);
    expect(lines[0]).toMatch(/^\*\*\* NO etcd-3\.4: .*(bash|apt-get|flock)/);
  });

  test('is told to find nothing', async () => {
    const lines = spyOnStderr();
    await searchServers({ ...process.env, COTERIE_REQUIRE_SERVERS: '', COTERIE_SERVERS: 'none' });
    expect(lines[0]).toContain('COTERIE_SERVERS=none');
  });

  test('throws instead where servers are required', async () => {
    const lines = spyOnStderr();
    const env = bareMachine({ COTERIE_REQUIRE_SERVERS: '1' });
    await expect(searchServers(env)).rejects.toThrow(/NO etcd-3\.4.*\n.*NO etcd-3\.5.*\n.*NO consul-1\.8/);
    expect(lines).toEqual([]);
  });

  test('gives the same to all who ask at the same time', async () => {
    spyOnStderr();
    const [one, two] = await Promise.all([searchServers(), searchServers()]);
    expect(one).toEqual(two);
  });
});
