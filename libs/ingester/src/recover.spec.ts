import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseTenantId, silentLogger } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { writePart } from '@vivace/part';
import { tableOf } from '@vivace/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverParts, saveWatermark } from './recover.ts';

const TENANT = parseTenantId('single-tenant') as TenantId;

let dir: string;
beforeEach(() => {
  dir = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'recover-')), 'parts');
  fs.mkdirSync(path.join(dir, TENANT), { recursive: true });
});
afterEach(() => fs.rmSync(path.dirname(dir), { recursive: true }));

function part(sequence: number): string {
  const file = path.join(dir, TENANT, `${String(sequence).padStart(12, '0')}.part`);
  writePart(tableOf([]), { path: file, tenant: TENANT, watermark: { segment: 1, offset: 100 * sequence } });
  return file;
}

describe('recoverParts', () => {
  it('takes the log as read up to the newest part or the watermark', async () => {
    part(1);
    part(2);
    expect((await recoverParts(dir, path.join(dir, '..', 'kept'), silentLogger)).get(TENANT)).toMatchObject({
      nextPart: 3,
      watermark: { segment: 1, offset: 200 },
    });
    await saveWatermark(dir, TENANT, { segment: 1, offset: 900 });
    expect((await recoverParts(dir, path.join(dir, '..', 'kept'), silentLogger)).get(TENANT)?.watermark).toEqual({ segment: 1, offset: 900 });
  });

  it('has the log read again from where an unreadable part begins', async () => {
    part(1);
    fs.truncateSync(part(2), 20);
    const newest = part(3);
    await saveWatermark(dir, TENANT, { segment: 1, offset: 900 });
    const found = (await recoverParts(dir, path.join(dir, '..', 'kept'), silentLogger)).get(TENANT);
    expect(found?.watermark).toEqual({ segment: 1, offset: 100 });
    expect(found?.parts.map(({ path: file }) => file)).toEqual([part(1), newest]);
  });

  it('never writes over a part that was set aside', async () => {
    for (const bytes of ['first', 'second']) {
      fs.writeFileSync(path.join(dir, TENANT, '000000000001.part'), bytes);
      await recoverParts(dir, path.join(dir, '..', 'kept'), silentLogger);
    }
    const quarantine = path.join(dir, '..', 'quarantine');
    expect(fs.readdirSync(quarantine).map((name) => fs.readFileSync(path.join(quarantine, name), 'utf8'))).toEqual(['first', 'second']);
  });
});
