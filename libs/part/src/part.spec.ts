import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AppError } from '@vivace/base';
import { plainOf, plainTraces, tableOf } from '@vivace/testkit';
import { identityOrder, TableColumns } from '@vivace/trace';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PartColumns } from './part-columns.ts';
import { PartReader } from './part-reader.ts';
import type { PartReaderOptions } from './part-reader.ts';
import { writePart } from './part-writer.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'part-'));
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true });
});

function withPart<T>(traces: Parameters<typeof tableOf>[0], use: (reader: PartReader) => T, options: PartReaderOptions = {}): T {
  writePart(tableOf(traces), { path: path.join(dir, 'a.part'), tenant: 't', watermark: { segment: 3, offset: 99 } });
  const reader = new PartReader(path.join(dir, 'a.part'), options);
  try {
    return use(reader);
  } finally {
    reader.close();
  }
}

describe('part', () => {
  it.each<PartReaderOptions>([{}, { keep: true }, { reuse: true }])('gives back every span, whole or in slices, with %o', (options) => {
    fc.assert(
      fc.property(plainTraces(), fc.nat(7), (traces, cut) => {
        const want = plainOf(tableOf(traces));
        const check = (reader: PartReader): void => {
          reader.verify();
          expect(reader.header.watermark).toEqual({ segment: 3, offset: 99 });
          const read = (from?: number, to?: number) => {
            const table = reader.readTraces(from, to);
            return plainOf(table, identityOrder(table));
          };
          expect(read()).toEqual(want);
          const at = Math.min(cut, want.length);
          expect([...read(0, at), ...read(at)]).toEqual(want);
          expect([...read(0, at), ...read(at)]).toEqual(want);
        };
        withPart(traces, check, options);
      }),
      { numRuns: 60 },
    );
  });

  it('reads only the sections a query needs', async () => {
    const traces = fc.sample(plainTraces({ maxTraces: 20, maxSpans: 20 }), { numRuns: 5, seed: 7 }).sort((a, b) => b.length - a.length)[0];
    await withPart(traces, async (reader) => {
      const columns = new PartColumns(reader);
      await columns.load({ columns: new Set(['kind', 'name']), attrs: [{ scope: 'span', key: 'foo' }] });
      const table = tableOf(traces);
      const want = new TableColumns(table);
      expect(columns.kind()).toEqual(want.kind());
      const texts = (c: { ids: Uint32Array; dict: { get(id: number): string } }) => Array.from(c.ids, (id) => c.dict.get(id));
      expect(texts(columns.name())).toEqual(texts(want.name()));
      expect(columns.attr('span', 'foo')[0]?.rows).toEqual(want.attr('span', 'foo')[0]?.rows);
      expect(columns.inspectedBytes).toBeLessThan(fs.statSync(reader.path).size);
    });
  });

  it('leaves nothing behind when it cannot be written', () => {
    const target = path.join(dir, 'a.part');
    fs.mkdirSync(target);
    expect(() => writePart(tableOf([]), { path: target, tenant: 't', watermark: { segment: 3, offset: 99 } })).toThrow('EISDIR');
    expect(fs.readdirSync(dir)).toEqual(['a.part']);
  });

  it('names the file and offset of damage and never reads beyond it', () => {
    const traces = fc.sample(plainTraces({ maxTraces: 4 }), { numRuns: 1, seed: 3 })[0];
    writePart(tableOf(traces), { path: path.join(dir, 'a.part'), tenant: 't', watermark: { segment: 0, offset: 0 } });
    const good = fs.readFileSync(path.join(dir, 'a.part'));
    const bad = path.join(dir, 'bad.part');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, truncate) => {
        const bytes = Buffer.from(truncate ? good.subarray(0, at) : good);
        if (!truncate) bytes[at] ^= flip;
        fs.writeFileSync(bad, bytes);
        try {
          const reader = new PartReader(bad);
          try {
            reader.verify();
            // Bytes between sections carry nothing.
            expect(plainOf(reader.readTraces())).toEqual(plainOf(tableOf(traces)));
          } finally {
            reader.close();
          }
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          expect((error as AppError).code).toBe('data_loss');
          expect((error as AppError).message).toContain('bad.part');
        }
      }),
      { numRuns: 400 },
    );
  });
});
