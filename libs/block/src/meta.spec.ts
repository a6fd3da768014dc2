import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dedicatedNames, formatBlockMeta, isReadable, parseBlockMeta } from './meta.ts';
import { formatRowGroupIndex, parseRowGroupIndex } from './row-group-index.ts';

const FOLDER = fileURLToPath(new URL('../../../testdata/block/sample-block/single-tenant/1dbe6a53-77f6-4d73-a797-5217b31e5123/', import.meta.url));
const ID = '00000000-0000-4000-8000-000000000001';
const THEIRS = readFileSync(`${FOLDER}meta.json`, 'utf8');

describe('meta.json', () => {
  it("comes out as Tempo's file when Tempo's file went in", () => {
    expect(formatBlockMeta(parseBlockMeta(THEIRS, 'meta.json'))).toBe(THEIRS);
  });

  it('covers all spans in whole seconds', () => {
    const meta = { ...parseBlockMeta(THEIRS, ''), startMs: 1_700_000_000_999, endMs: 1_700_000_001_001, replicationFactor: 1, compactedFrom: [ID] };
    const json = JSON.parse(formatBlockMeta(meta)) as Record<string, unknown>;
    expect(json.startTime).toBe('2023-11-14T22:13:20Z');
    expect(json.endTime).toBe('2023-11-14T22:13:22Z');
    expect(json.replicationFactor).toBe(1);
    expect(json.compactedFrom).toEqual([ID]);
  });

  it('is read when it is another writer’s: keys absent or unknown, fractions and offsets in times, columns of other kinds', () => {
    const meta = parseBlockMeta(
      JSON.stringify({
        format: 'vParquet4',
        blockID: '1dbe6a53-77f6-4d73-a797-5217b31e5123',
        tenantID: 't',
        startTime: '2026-11-20T10:18:01.5+01:00',
        new: [1],
        dedicatedColumns: [{ n: 'a' }, { n: 'i', t: 'int' }, { s: 'resource', n: 'r', o: ['array'] }, { s: 'event', n: 'e' }, { n: 'b' }],
      }),
      'meta.json',
    );
    expect(meta.startMs).toBe(Date.UTC(2026, 10, 20, 9, 18, 1, 500));
    expect(meta.totalRecords).toBe(0);
    expect(dedicatedNames(meta.dedicatedColumns, 'span')).toEqual(['a', 'b']);
    expect(dedicatedNames(meta.dedicatedColumns, 'resource')).toEqual(['r']);
    expect(isReadable(meta)).toBe(true);
    expect(isReadable({ ...meta, format: 'vParquet5' })).toBe(false);
  });

  it('is refused by name when it is not one', () => {
    const good = JSON.parse(THEIRS) as Record<string, unknown>;
    for (const bad of [
      '',
      '[]',
      'null',
      '{}',
      JSON.stringify({ ...good, blockID: 'x' }),
      JSON.stringify({ ...good, compactedFrom: ['x'] }),
      JSON.stringify({ ...good, size: -1 }),
      JSON.stringify({ ...good, totalRecords: '1' }),
      JSON.stringify({ ...good, startTime: 'yesterday' }),
      JSON.stringify({ ...good, dedicatedColumns: {} }),
      JSON.stringify({ ...good, dedicatedColumns: [{ s: 'moon', n: 'x' }] }),
    ])
      expect(() => parseBlockMeta(bad, 'a/b/meta.json')).toThrow('a/b/meta.json');
  });
});

describe('index', () => {
  it("comes out as Tempo's file when Tempo's file went in", () => {
    const theirs = readFileSync(`${FOLDER}index`, 'utf8');
    expect(formatRowGroupIndex(parseRowGroupIndex(theirs, 'index'))).toBe(theirs);
  });

  it('is refused by name when it is not one', () => {
    for (const bad of ['', '{}', 'null', '{"rowGroups":[1]}', '{"rowGroups":["AAAA"]}']) expect(() => parseRowGroupIndex(bad, 'b/index')).toThrow('b/index');
  });
});
