import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TenantId } from '@vivace/base';
import { createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import { loadConfig } from '@vivace/config';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Overrides } from './overrides.ts';

const A = 'a' as TenantId;

let dir: string;
let file: string;
let overrides: Overrides | undefined;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'overrides-'));
  file = path.join(dir, 'overrides.yaml');
});
afterEach(async () => {
  await overrides?.stop();
  fs.rmSync(dir, { recursive: true });
});

const entry = (tenant: string, rate: number) => `overrides: {${tenant}: {ingestion: {rate_limit_bytes: ${rate}, burst_size_bytes: 7}}}\n`;

function setUp(...argv: string[]) {
  const { config } = loadConfig({ argv: [`-overrides.per-tenant-override-config=${file}`, ...argv], env: {}, readFile: () => '' });
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const errors = () => logger.entries.filter(({ level }) => level === 'error');
  overrides = new Overrides({ config: config.overrides, env: undefined, logger, metrics });
  return { overrides, metrics, errors };
}

describe('the per-tenant file', () => {
  it('is looked at every ten seconds; a broken one leaves the limits as they are', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      fs.writeFileSync(file, entry('a', 5));
      const { overrides, metrics, errors } = setUp();
      const reloaded = () => metrics.value('tempo_runtime_config_last_reload_successful');
      const rate = (user: string) => metrics.value('tempo_limits_overrides', { limit_name: 'ingestion_rate_limit_bytes', user });
      await overrides.start();
      expect([overrides.limits(A).ingestionRateBytes, overrides.text, reloaded(), rate('a')]).toEqual([5, entry('a', 5), 1, 5]);
      expect(metrics.value('tempo_limits_defaults', { limit_name: 'max_bytes_per_trace' })).toBe(5_000_000);

      fs.writeFileSync(file, 'overrides: {a: {ingestion: {rate_limit_bytes: many}}}');
      vi.advanceTimersByTime(10_000);
      await vi.waitFor(() => expect(errors()).toHaveLength(1));
      expect([overrides.limits(A).ingestionRateBytes, overrides.text, reloaded()]).toEqual([5, entry('a', 5), 0]);

      fs.writeFileSync(file, entry('b', 6));
      vi.advanceTimersByTime(10_000);
      await vi.waitFor(() => expect(reloaded()).toBe(1));
      expect([overrides.limits(A).ingestionRateBytes, overrides.text, rate('a'), rate('b')]).toEqual([15_000_000, entry('b', 6), 0, 6]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is told to those who want to know, at the start even when there is none', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const heard: (readonly [string, number])[][] = [];
      const listen = (to: Overrides): void =>
        to.onRead((tenants) => heard.push([...tenants].map(([tenant, { tenantShardSize }]) => [tenant, tenantShardSize])));
      const none = setUp('-overrides.per-tenant-override-config=').overrides;
      listen(none);
      await none.start();
      expect(heard).toEqual([[]]);

      fs.writeFileSync(file, '');
      const { overrides } = setUp();
      listen(overrides);
      await overrides.start();
      fs.writeFileSync(file, 'overrides: {a: {ingestion: {tenant_shard_size: 4}}}');
      vi.advanceTimersByTime(20_000);
      await vi.waitFor(() => expect(heard).toEqual([[], [], [['a', 4]]]));
    } finally {
      vi.useRealTimers();
    }
  });

  it('stops the start when it is wrong', async () => {
    fs.writeFileSync(file, 'overrides: {a: {ingestoin: {}}}');
    const { overrides, metrics } = setUp();
    await expect(overrides.start()).rejects.toThrow('ingestoin: is not a known key');
    expect(metrics.value('tempo_runtime_config_last_reload_successful')).toBe(0);
  });
});

it('holds the strictest limit of several tenants', async () => {
  fs.writeFileSync(file, 'overrides: {a: {read: {max_search_duration: 1h}}, b: {read: {max_search_duration: 9h}}, c: {}}\n');
  const { overrides } = setUp();
  await overrides.start();
  const strictest = (tenants: string, otherwise: number) =>
    overrides.strictest(tenants as TenantId, (limits) => limits.maxSearchDurationMs / 3_600_000, otherwise);
  expect([strictest('a', 5), strictest('a|b', 5), strictest('b', 5)]).toEqual([1, 1, 9]);
  expect([strictest('b|c', 5), strictest('c', 5), strictest('c', 0), strictest('b|c', 0)], '0 is left to the other').toEqual([0, 0, 0, 9]);
});
