import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeIndexJson, decodeIndexProto, encodeIndexJson, encodeIndexProto, INDEX_JSON, INDEX_PROTO } from './tenant-index.ts';
import type { TenantIndex } from './tenant-index.ts';

const count = fc.nat(0xffff_ffff);
const meta: fc.Arbitrary<BlockMeta> = fc.record({
  format: fc.constantFrom('vParquet4', 'vParquet3'),
  blockId: fc.uuid(),
  tenantId: fc.constantFrom('a', 'single-tenant'),
  startMs: fc.nat(4_000_000).map((s) => s * 1_000),
  endMs: fc.nat(4_000_000).map((s) => s * 1_000),
  totalObjects: count,
  size: fc.maxSafeNat(),
  compactionLevel: fc.nat(20),
  totalRecords: count,
  bloomShards: count,
  footerSize: count,
  dedicatedColumns: fc.array(
    fc.record({ scope: fc.constantFrom('resource', 'span'), name: fc.string({ minLength: 1 }), type: fc.constantFrom('string', 'int') }),
  ),
  replicationFactor: fc.nat(5),
  compactedFrom: fc.array(fc.uuid()),
});
const index: fc.Arbitrary<TenantIndex> = fc.record({
  createdMs: fc.nat(2_000_000_000_000),
  blocks: fc.array(meta),
  compacted: fc.array(fc.record({ meta, compactedMs: fc.nat(2_000_000_000_000) })),
});
const codecs = { [INDEX_JSON]: [encodeIndexJson, decodeIndexJson], [INDEX_PROTO]: [encodeIndexProto, decodeIndexProto] } as const;
const never = (error: unknown): never => {
  throw error;
};

describe.each(Object.entries(codecs))('%s', (name, [encode, decode]) => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(index, (x) => {
        expect(decode(encode(x), name, never)).toEqual(x);
      }),
    );
  });

  it('reads what Tempo wrote', () => {
    const dir = path.join(import.meta.dirname, '../../../testdata/block/sample-block/single-tenant');
    const { createdMs, blocks, compacted } = decode(fs.readFileSync(path.join(dir, name)), name, never);
    expect(new Date(createdMs).toISOString()).toBe('2026-11-20T09:18:51.962Z');
    expect(compacted).toEqual([]);
    expect(blocks).toEqual([
      expect.objectContaining({
        blockId: '1dbe6a53-77f6-4d73-a797-5217b31e5123',
        tenantId: 'single-tenant',
        totalObjects: 18,
        size: 55_574,
        footerSize: 19_937,
      }),
    ]);
    expect(blocks[0].dedicatedColumns.map((c) => c.name)).toEqual(['k8s.node.name', 'deployment.environment', 'db.statement', 'http.route']);
  });

  it('says data_loss for whatever is not an index', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => decode(bytes, name, never)).toThrowError(AppError);
      }),
    );
  });

  it('leaves out an entry that is damaged, and tells of it', () => {
    const [one] = fc.sample(meta, { numRuns: 1, seed: 1 });
    const bad: unknown[] = [];
    const bytes = encode({ createdMs: 0, blocks: [one, { ...one, format: '' }], compacted: [] });
    expect(decode(bytes, name, (error) => bad.push(error)).blocks).toEqual([one]);
    expect(bad).toHaveLength(1);
  });
});
