import { systemClock } from '@vivace/base';
import { loadConfig } from '@vivace/config';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';

interface Process {
  readonly url: string | undefined;
  readonly lines: readonly string[];
  readonly signal: (name: string) => void;
  readonly exited: Promise<number>;
}

const running: Process[] = [];
afterEach(async () => {
  for (const process of running.splice(0)) {
    process.signal('test');
    await process.exited;
  }
});

async function start(...argv: string[]): Promise<Process> {
  const loaded = loadConfig({ argv: ['-server.http-listen-port=0', ...argv], env: {}, readFile: () => '' });
  const lines: string[] = [];
  let signal: (name: string) => void = () => {};
  let url: string | undefined;
  const exited = new Promise<number>((exit, reject) => {
    run({ loaded, clock: systemClock, beganMs: systemClock.now(), write: (line) => lines.push(line), exit, onSignal: (handler) => (signal = handler) }).then(
      (result) => {
        url = result;
        started();
      },
      reject,
    );
  });
  const { promise, resolve: started } = Promise.withResolvers<void>();
  await Promise.race([promise, exited]);
  const process = { url, lines, signal, exited };
  if (url !== undefined) running.push(process);
  return process;
}

describe('the process', () => {
  it('serves its pages and the query API until it is told to stop', async () => {
    const { url, lines, signal, exited } = await start();
    const ask = async (path: string): Promise<[number, string]> => {
      const response = await fetch(url + path);
      return [response.status, await response.text()];
    };
    expect(await ask('/ready')).toEqual([200, 'ready\n']);
    expect(await ask('/status/version')).toEqual([200, expect.stringContaining('compatible with Tempo 2.10')]);
    expect(await ask('/status/config?mode=diff')).toEqual([200, 'server:\n  http_listen_port: 0\n']);
    expect(await ask('/status/config?mode=no')).toEqual([400, expect.stringContaining('mode "no"')]);
    expect(await ask('/status/endpoints')).toEqual([200, expect.stringContaining('/api/v2/traces/{traceID}\n')]);
    expect(await ask('/api/status/buildinfo')).toEqual([200, expect.stringContaining('"version":"2.10.8"')]);
    expect(await ask('/api/search?q=%7B')).toEqual([400, expect.stringContaining('invalid TraceQL query: parse error')]);
    expect(await ask('/metrics')).toEqual([
      200,
      expect.stringMatching(/tempo_request_duration_seconds_count\{method="GET",route="ready",status_code="200",ws="false"\} 1/),
    ]);
    expect(lines.join('')).toMatch(/msg=ready http=\d+ tookMs=\d+/);
    signal('SIGTERM');
    expect(await exited).toBe(0);
    await expect(fetch(`${url}/ready`)).rejects.toThrow('fetch failed');
  });

  it('serves the query API below a prefix, for several tenants', async () => {
    const { url } = await start('-http-api-prefix=/tempo', '-multitenancy.enabled');
    expect((await fetch(`${url}/api/echo`)).status).toBe(404);
    expect((await fetch(`${url}/tempo/api/echo`)).status).toBe(200);
    expect((await fetch(`${url}/tempo/api/search`)).status).toBe(401);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });

  it('stops on /shutdown', async () => {
    const { url, exited } = await start();
    expect(await (await fetch(`${url}/shutdown`, { method: 'POST' })).text()).toBe('shutdown job acknowledged');
    expect(await exited).toBe(0);
    running.pop();
  });

  it('says why it cannot start, and exits 1', async () => {
    const first = await start();
    const second = await start(`-server.http-listen-port=${new URL(first.url!).port}`);
    expect(await second.exited).toBe(1);
    expect(second.lines.join('')).toMatch(/the process cannot start.*EADDRINUSE/);
  });
});
