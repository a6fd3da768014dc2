import { SpanTable } from '@vivace/trace';
import { describe, expect, it } from 'vitest';
import { decodeInto } from './decode-into.ts';
import { jsonToProto } from './json-to-proto.ts';

const request = (service: string, n: number): Uint8Array =>
  jsonToProto(
    JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
          scopeSpans: [{ scope: { name: 'lib' }, spans: [{ traceId: `${n}`.padStart(32, '0'), spanId: '0000000000000001' }] }],
        },
      ],
    }),
  );

describe('decodeInto', () => {
  it('has one row for a resource and a scope that come again in other requests', () => {
    const table = new SpanTable();
    const stats = { cutStrings: 0 };
    const services = ['frontend', 'cart', 'frontend'];
    services.forEach((service, i) => decodeInto(request(service, i + 1), table, { maxAttributeBytes: 5 }, stats));
    expect([table.spanCount, table.resourceCount, table.scopeCount]).toEqual([3, 2, 1]);
    expect(Array.from(table.spanResource.subarray(0, 3))).toEqual([0, 1, 0]);
    // Key and value of frontend, the key of cart; a resource that comes again is counted again.
    expect(stats.cutStrings).toBe(5);
  });

  it('does not take rows decoded under another length limit', () => {
    const table = new SpanTable();
    decodeInto(request('frontend', 1), table, { maxAttributeBytes: 5 }, { cutStrings: 0 });
    decodeInto(request('frontend', 2), table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
    const names = Array.from(table.spanResource.subarray(0, 2), (row) => table.strings.get(table.resourceAttrs.u32[2 * row]));
    expect(names).toEqual(['front', 'frontend']);
  });

  it('knows the service of a resource, when it is a string', () => {
    const table = new SpanTable();
    decodeInto(request('frontend', 1), table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
    const number = jsonToProto(
      JSON.stringify({
        resourceSpans: [
          {
            resource: { attributes: [{ key: 'service.name', value: { intValue: 5 } }] },
            scopeSpans: [{ spans: [{ traceId: '1'.repeat(32), spanId: '0000000000000001' }] }],
          },
        ],
      }),
    );
    decodeInto(number, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
    expect(Array.from(table.resourceService.subarray(0, 2), (id) => table.strings.get(id))).toEqual(['frontend', '']);
  });

  it('adds the bytes of spans to their traces', () => {
    const table = new SpanTable();
    for (const n of [1, 2, 1]) decodeInto(request('x', n), table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
    expect(table.traceCount).toBe(2);
    expect(table.traceBytes[0]).toBe(2 * table.traceBytes[1]);
    expect(table.traceBytes[1]).toBeGreaterThan(0);
  });
});
