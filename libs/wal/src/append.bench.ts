/**
 * Cost of an append of 1,000 spans (326 kB of OTLP): `node --conditions=@vivace/source libs/wal/src/append.bench.ts [folder]`.
 * CPU is of the whole process, kernel time and checksum included.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { SINGLE_TENANT } from '@vivace/base';
import { openLog } from './log.ts';

const PAYLOAD_BYTES = 326_000;
const APPENDS = 3_000;

const payload = new Uint8Array(PAYLOAD_BYTES).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
const parent = process.argv[2] ?? os.tmpdir();

for (let i = 0; i < 100; i++) crc32c(payload);
const crcStart = performance.now();
for (let i = 0; i < 1_000; i++) crc32c(payload);
console.log(`checksum alone: ${((performance.now() - crcStart) / 1_000).toFixed(3)} ms`);

for (const sync of ['interval', 'always'] as const) {
  for (const inFlight of [1, 16]) {
    const dir = await fs.mkdtemp(path.join(parent, 'wal-bench-'));
    const log = await openLog({ dir, sync });
    const appends = sync === 'always' ? APPENDS / 10 : APPENDS;
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (let i = 0; i < appends; i += inFlight) {
      const group = Array.from({ length: inFlight }, () => log.append(SINGLE_TENANT, 1, payload));
      const positions = await Promise.all(group);
      const { segment } = positions[0];
      if (segment > 2 && i % 128 === 0) await log.release(segment - 2);
    }
    const ms = performance.now() - start;
    const used = process.cpuUsage(cpu);
    const cpuUs = (used.user + used.system) / appends;
    const mbPerS = (appends * PAYLOAD_BYTES) / ms / 1_000;
    console.log(
      `${sync} x${inFlight}: ${((ms * 1_000) / appends).toFixed(0)} us and ${cpuUs.toFixed(0)} us CPU an append, ${(cpuUs / 1_000).toFixed(3)} us CPU a span, ${mbPerS.toFixed(0)} MB/s`,
    );
    await log.close();

    const reopened = await openLog({ dir, sync });
    const replayStart = performance.now();
    const report = await reopened.replay(() => undefined);
    console.log(`  replay: ${(report.bytes / (performance.now() - replayStart) / 1_000).toFixed(0)} MB/s`);
    await reopened.close();
    await fs.rm(dir, { recursive: true });
  }
}
