import { createMemoryLogger } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { createLifecycle } from './lifecycle.ts';
import type { Service } from './lifecycle.ts';

function setup(...names: string[]) {
  const events: string[] = [];
  const services = names.map(
    (name): Service => ({
      name,
      start: async () => void events.push(`start ${name}`),
      stop: async () => void events.push(`stop ${name}`),
    }),
  );
  const logger = createMemoryLogger();
  return { events, services, logger, lifecycle: (list = services) => createLifecycle({ services: list, logger, clock: { now: () => 0 } }) };
}

describe('lifecycle', () => {
  it('starts in order and stops in reverse', async () => {
    const { events, lifecycle } = setup('a', 'b');
    const one = lifecycle();
    expect(one.notReady()).toBe('some services are not running: a: new, b: new');
    await one.start();
    expect(one.notReady()).toBeUndefined();
    one.announceStop();
    expect(one.notReady()).toBe('stopping');
    expect(events).toEqual(['start a', 'start b']);
    await Promise.all([one.stop(), one.stop()]);
    expect(events).toEqual(['start a', 'start b', 'stop b', 'stop a']);
    expect(one.states().map(({ state }) => state)).toEqual(['terminated', 'terminated']);
    expect(one.notReady()).toBe('stopping (a: terminated, b: terminated)');
  });

  it('stops what had started when one fails, and says which failed', async () => {
    const { events, services, lifecycle } = setup('a', 'b', 'c');
    const failing: Service = { name: 'b', start: () => Promise.reject(new Error('no port')), stop: async () => void events.push('stop b') };
    const one = lifecycle([services[0], failing, services[2]]);
    await expect(one.start()).rejects.toThrow('no port');
    expect(events).toEqual(['start a', 'stop b', 'stop a']);
    expect(one.notReady()).toContain('stopping');
  });

  it('asks every service to stop although one fails', async () => {
    const { events, services, logger, lifecycle } = setup('a', 'b');
    const stubborn: Service = { name: 'b', start: async () => {}, stop: () => Promise.reject(new Error('stuck')) };
    const one = lifecycle([services[0], stubborn]);
    await one.start();
    await expect(one.stop()).rejects.toThrow('stuck');
    expect(events).toEqual(['start a', 'stop a']);
    expect(logger.entries.filter(({ level }) => level === 'error')).toMatchObject([{ msg: 'service did not stop cleanly', fields: { service: 'b' } }]);
  });

  it('aborts a start that is under way, and never starts the next', async () => {
    const { events, services, lifecycle } = setup('a', 'b');
    const slow: Service = {
      name: 'replay',
      start: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
      stop: async () => void events.push('stop replay'),
    };
    const one = lifecycle([slow, services[1]]);
    const started = one.start();
    const stopped = one.stop();
    await expect(started).rejects.toThrow('service b: not started, the process is stopping');
    await stopped;
    expect(events).toEqual(['stop replay']);
  });
});
