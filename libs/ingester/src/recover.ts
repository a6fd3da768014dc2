import fs from 'node:fs/promises';
import path from 'node:path';
import { parseTenantId } from '@vivace/base';
import type { Logger, TenantId } from '@vivace/base';
import { PartReader } from '@vivace/part';
import type { PartInfo } from '@vivace/part';
import { recoverKept } from './kept-parts.ts';
import type { KeptBlock } from './kept-parts.ts';
import { isAfter } from './ports.ts';
import type { Position } from './ports.ts';

export interface RecoveredTenant {
  /** Oldest first. */
  readonly parts: readonly PartInfo[];
  readonly nextPart: number;
  readonly watermark: Position;
  /** Parts of blocks in the store, for queries. */
  readonly kept: readonly KeptBlock[];
}

const WATERMARK = 'watermark.json';
const NOTHING: RecoveredTenant = { parts: [], nextPart: 1, watermark: { segment: -1, offset: -1 }, kept: [] };

/**
 * Finds the parts an earlier run left in `partsDir`. Unfinished files are removed (their spans are in the log); a part that cannot
 * be read is moved to `quarantine` beside that folder and reported, never deleted.
 */
export async function recoverParts(partsDir: string, keptDir: string, logger: Logger): Promise<Map<TenantId, RecoveredTenant>> {
  const found = new Map<TenantId, RecoveredTenant>();
  await fs.mkdir(partsDir, { recursive: true });
  for (const entry of await fs.readdir(partsDir, { withFileTypes: true })) {
    const tenant = entry.isDirectory() ? parseTenantId(entry.name) : undefined;
    if (tenant) found.set(tenant, { ...(await recoverTenant(path.join(partsDir, tenant), tenant, logger)), kept: [] });
  }
  for (const [tenant, kept] of await recoverKept(keptDir)) found.set(tenant, { ...(found.get(tenant) ?? NOTHING), kept });
  return found;
}

/** Durable: written beside and renamed. */
export async function saveWatermark(partsDir: string, tenant: TenantId, watermark: Position): Promise<void> {
  const file = path.join(partsDir, tenant, WATERMARK);
  await fs.mkdir(path.dirname(file), { recursive: true });
  const handle = await fs.open(`${file}.tmp`, 'w');
  try {
    await handle.writeFile(JSON.stringify(watermark));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fs.rename(`${file}.tmp`, file);
}

async function recoverTenant(dir: string, tenant: TenantId, logger: Logger): Promise<Omit<RecoveredTenant, 'kept'>> {
  const parts: PartInfo[] = [];
  let watermark: Position = { segment: -1, offset: -1 };
  let last = 0;
  // The log may still have the frames of a part that cannot be read: from there on all of it counts, and what newer parts hold too is folded again.
  let unreadable = false;
  for (const name of (await fs.readdir(dir)).sort()) {
    const file = path.join(dir, name);
    if (name.endsWith('.tmp')) await fs.rm(file, { force: true });
    else if (name === WATERMARK) watermark = unreadable ? watermark : later(watermark, (await readWatermark(file, logger)) ?? watermark);
    else if (name.endsWith('.part')) {
      last = Math.max(last, Number.parseInt(name, 10));
      const part = await openPart(file, tenant, logger);
      if (part) parts.push(part);
      else unreadable = true;
      if (part && !unreadable) watermark = later(watermark, part.watermark);
    }
  }
  return { parts, nextPart: last + 1, watermark };
}

function later(a: Position, b: Position): Position {
  return isAfter(a, b) ? a : b;
}

async function readWatermark(file: string, logger: Logger): Promise<Position | undefined> {
  try {
    const { segment, offset } = JSON.parse(await fs.readFile(file, 'utf8')) as Position;
    if (Number.isSafeInteger(segment) && Number.isSafeInteger(offset)) return { segment, offset };
  } catch (error) {
    // Without it some log frames are folded again; the same span counts once all the same.
    logger.warn('watermark could not be read', { path: file, err: error });
  }
  return undefined;
}

async function openPart(file: string, tenant: TenantId, logger: Logger): Promise<PartInfo | undefined> {
  try {
    const reader = new PartReader(file);
    try {
      reader.verify();
      const { counts, startSec, endSec, receivedBytes, watermark } = reader.header;
      const { size } = await fs.stat(file);
      return { path: file, spanCount: counts.span, traceCount: counts.trace, sizeBytes: size, startSec, endSec, receivedBytes, watermark };
    } finally {
      reader.close();
    }
  } catch (error) {
    const quarantine = path.join(path.dirname(file), '..', '..', 'quarantine');
    await fs.mkdir(quarantine, { recursive: true });
    const to = await unusedName(path.join(quarantine, `${tenant}-${path.basename(file)}`));
    await fs.rename(file, to);
    logger.error('part cannot be read and was set aside', { path: to, err: error });
    return undefined;
  }
}

/** A part gets the number of one set aside before it, when that was the newest. */
async function unusedName(file: string): Promise<string> {
  const isUsed = (name: string): Promise<boolean> =>
    fs.lstat(name).then(
      () => true,
      () => false,
    );
  let name = file;
  for (let n = 1; await isUsed(name); n++) name = `${file}.${n}`;
  return name;
}
