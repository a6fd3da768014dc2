import { createMemoryLogger } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { createShutdown } from './shutdown.ts';

function setup(stop: () => Promise<void>, wait: (ms: number) => Promise<void> = () => new Promise(() => {})) {
  const exits: number[] = [];
  let resolveExit: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => (resolveExit = resolve));
  const logger = createMemoryLogger();
  const exit = (code: number) => {
    exits.push(code);
    resolveExit(code);
  };
  const time = { nowMs: 0 };
  const clock = { now: () => time.nowMs };
  return { exits, exited, logger, time, shutdown: createShutdown({ stop, timeoutMs: 30_000, logger, clock, exit, wait }) };
}

describe('shutdown', () => {
  it('exits 0 after a graceful stop', async () => {
    const { shutdown, exited } = setup(async () => {});
    shutdown('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('exits 1 when stopping fails', async () => {
    const { shutdown, exited, logger } = setup(() => Promise.reject(new Error('disk')));
    shutdown('SIGTERM');
    expect(await exited).toBe(1);
    expect(logger.entries.at(-1)).toMatchObject({ level: 'error', msg: 'graceful stop failed' });
  });

  it('exits 1 when stopping takes longer than the timeout', async () => {
    const waits: number[] = [];
    const { shutdown, exited, logger } = setup(
      () => new Promise(() => {}),
      async (ms) => void waits.push(ms),
    );
    shutdown('SIGTERM');
    expect(await exited).toBe(1);
    expect(waits).toEqual([30_000]);
    expect(logger.entries.at(-1)).toMatchObject({ msg: 'graceful stop took too long' });
  });

  it('exits at once on the second call', () => {
    const { shutdown, exits, time } = setup(() => new Promise(() => {}));
    shutdown('SIGTERM');
    expect(exits).toEqual([]);
    time.nowMs = 200;
    shutdown('SIGTERM');
    expect(exits).toEqual([1]);
  });

  it('takes a signal that comes twice in a moment for one, but not two different ones', () => {
    const { shutdown, exits } = setup(() => new Promise(() => {}));
    shutdown('SIGTERM');
    shutdown('SIGTERM');
    expect(exits).toEqual([]);
    shutdown('SIGINT');
    expect(exits).toEqual([1]);
  });
});
