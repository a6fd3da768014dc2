import { readFileSync } from 'node:fs';
import { hex } from '@vivace/base';
import { SpanTable } from '@vivace/trace';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInto } from './decode-into.ts';
import { jsonToProto } from './json-to-proto.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { ScanResult } from './scan-result.ts';
import { randomRequest } from './testing/random-request.ts';
import { readTable } from './testing/read-table.ts';
import { traceToJson } from './trace-to-json.ts';
import { traceToProto } from './trace-to-proto.ts';

const testdata = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../testdata/otlp/${name}`, import.meta.url), 'utf8'));

function tableOf(...requests: Uint8Array[]): SpanTable {
  const table = new SpanTable();
  const scan = new ScanResult();
  for (const bytes of requests) {
    scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
    expect(scan.refusedCount).toBe(0);
    decodeInto(bytes, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
  }
  return table;
}

const bySpanId = (rows: Record<string, unknown>[]): Record<string, unknown>[] => rows.sort((a, b) => (String(a.spanId) < String(b.spanId) ? -1 : 1));

/** Every trace of a table, through `out`, read back. */
function roundTrip(table: SpanTable, out: (table: SpanTable, row: number) => Uint8Array): Record<string, unknown>[] {
  return bySpanId(Array.from({ length: table.traceCount }, (_, row) => readTable(tableOf(out(table, row)))).flat());
}

describe('traces going out', () => {
  const shape = fc.record({ seed: fc.nat(), spans: fc.nat(30) });

  it('come back from protobuf as they were', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const table = tableOf(randomRequest(s));
        expect(roundTrip(table, traceToProto)).toEqual(bySpanId(readTable(table)));
      }),
      { numRuns: 200 },
    );
  });

  it('come back from JSON as they were', () => {
    const hexIds = (key: string, value: unknown): unknown =>
      /(traceId|[sS]panId)$/.test(key) ? Buffer.from(value as string, 'base64').toString('hex') : value;
    const viaJson = (table: SpanTable, row: number): Uint8Array =>
      jsonToProto(`{"resourceSpans":${JSON.stringify(JSON.parse(traceToJson(table, row), hexIds))}}`);
    fc.assert(
      fc.property(shape, (s) => {
        const table = tableOf(randomRequest(s));
        expect(roundTrip(table, viaJson)).toEqual(bySpanId(readTable(table)));
      }),
      { numRuns: 200 },
    );
  });

  it('always have resource, scope and status, and no parent for a root', () => {
    const span = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708', parentSpanId: '0000000000000000' };
    const table = tableOf(jsonToProto(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })));
    expect(traceToJson(table, 0)).toBe(
      '[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"AQIDBAUGBwgJCgsMDQ4PEA==","spanId":"AQIDBAUGBwg=","status":{}}]}]}]',
    );
    const id = '0a10 0102030405060708090a0b0c0d0e0f10 1208 0102030405060708';
    const want = `0a38 0a00 1234 0a00 1230 ${id} 39 ${'00'.repeat(8)} 41 ${'00'.repeat(8)} 7a00`.replaceAll(' ', '');
    expect(hex(traceToProto(table, 0))).toBe(want);
  });

  it('have a service where a resource says nothing, if the caller has a name for it', () => {
    const span = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708' };
    const said = { resource: { attributes: [{ key: 'a', value: {} }] }, scopeSpans: [{ spans: [{ ...span, spanId: '0202030405060708' }] }] };
    const table = tableOf(jsonToProto(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }, said] })));
    const named = tableOf(traceToProto(table, 0, 'unnamed'));
    const resources = (JSON.parse(traceToJson(table, 0, 'unnamed')) as Trace['resourceSpans']).map(({ resource }) => resource);
    expect(resources).toEqual([{ attributes: [{ key: 'service.name', value: { stringValue: 'unnamed' } }] }, { attributes: [{ key: 'a', value: {} }] }]);
    expect(traceToJson(named, 0)).toBe(traceToJson(table, 0, 'unnamed'));
  });

  it('have nothing to say about an unknown trace', () => {
    expect(traceToProto(new SpanTable(), 0)).toHaveLength(0);
    expect(traceToJson(new SpanTable(), 0)).toBe('[]');
  });
});

interface Trace {
  readonly resourceSpans: { resource: { attributes: unknown }; scopeSpans: { scope: object; spans: { spanId: string; attributes?: unknown }[] }[] }[];
}

describe('real answers of Tempo', () => {
  const { requests } = testdata('input.json') as { requests: unknown[] };
  const table = tableOf(...requests.map((request) => jsonToProto(JSON.stringify(request))));

  /** Blocks keep attributes in an order of their own (docs/format/block.md), and so does their scan of the spans. */
  const normal = (trace: Trace): unknown =>
    trace.resourceSpans
      .flatMap((rs) =>
        rs.scopeSpans.flatMap((ss) =>
          ss.spans.map((s) => ({ ...s, attributes: sorted(s.attributes), resource: sorted(rs.resource.attributes), scope: ss.scope })),
        ),
      )
      .sort((a, b) => (a.spanId < b.spanId ? -1 : 1));
  const sorted = (attributes: unknown): unknown[] =>
    [...((attributes ?? []) as { key: string }[])].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));

  it.each(['0000000000000000a1b2c3d4e5f60718', '22006496adb071e509685e87e4d43111', 'bd426bb7195f44b1e288832e8bcc50f5'])('trace %s', (id) => {
    const want = testdata(`trace-v2-${id}.json`) as { trace: Trace };
    const row = table.findTrace(Buffer.from(id, 'hex'));
    expect(normal({ resourceSpans: JSON.parse(traceToJson(table, row)) })).toEqual(normal(want.trace));
  });
});
