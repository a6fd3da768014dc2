import type { TenantId } from '@vivace/base';
import { silentLogger, systemClock } from '@vivace/base';
import { nameToken, Ring } from '@vivace/ring';
import { expect, it } from 'vitest';
import { buildsIndex } from './builds-index.ts';

it.each([1, 2, 3])('chooses at most %i of the compactors for a tenant, others for other tenants', (builders) => {
  const ring = new Ring({
    name: 'compactor',
    replicationFactor: 1,
    zoneAware: false,
    extendWrites: true,
    heartbeatTimeoutMs: 0,
    forgetAfterMs: 0,
    leftTimeoutMs: 0,
    clock: systemClock,
    logger: silentLogger,
  });
  const ids = Array.from({ length: 8 }, (_, i) => `compactor-${i}`);
  for (const id of ids) {
    const tokens = Uint32Array.from({ length: 64 }, (_, k) => nameToken(`${id} ${k}`)).sort();
    ring.put(id, { state: 'ACTIVE', info: { address: id, zone: '', registeredMs: 1, tokens } });
  }
  const chosen = Array.from({ length: 100 }, (_, i) =>
    ids.filter((id) => buildsIndex(builders, (name) => ring.view().owns(id, nameToken(name)))(`tenant-${i}` as TenantId)),
  );
  for (const of of chosen) {
    expect(of.length).toBeGreaterThanOrEqual(1);
    expect(of.length).toBeLessThanOrEqual(builders);
  }
  expect(Math.max(...chosen.map(({ length }) => length))).toBe(builders);
  expect(new Set(chosen.flat()).size).toBe(8);
});
