import { readFile } from 'node:fs/promises';
import { parseTraceId } from '@vivace/base';
import { plainOf } from '@vivace/testkit';
import type { PlainAttrs, PlainSpan, PlainTrace, PlainValue } from '@vivace/testkit';
import { describe, expect, it } from 'vitest';
import { COMPACTED_BLOCK, SAMPLE_BLOCK, sampleBlock, SAMPLES } from '../testing/sample-blocks.ts';
import { openBlock } from './block-reader.ts';

interface Json {
  readonly [key: string]: unknown;
}

/** The OTLP JSON that went into the sample block. */
const input = JSON.parse(await readFile(`${SAMPLES}sample-block/input.json`, 'utf8')) as {
  readonly edge: Record<string, string>;
  readonly requests: readonly Json[];
};
const sent = tracesOf(input.requests);

describe('blocks written by Tempo', () => {
  it('gives back every span of the sample block as it was sent', async () => {
    const sample = await sampleBlock('sample-block', SAMPLE_BLOCK);
    const block = await openBlock(sample);
    expect(block.rowGroupCount).toBe(1);
    const read = plainOf(await block.readRowGroup(0)).map(normalTrace);
    expect(read.flatMap((trace) => trace.spans)).toHaveLength(226);
    expect(read).toEqual(sent);
  });

  it('finds each trace of the sample block by id, equal to what was sent', async () => {
    const block = await openBlock(await sampleBlock('sample-block', SAMPLE_BLOCK));
    for (const trace of sent) {
      const table = await block.findTrace(idOf(trace.traceId));
      expect(table && plainOf(table).map(normalTrace)).toEqual([trace]);
    }
  });

  it('reads a compacted block: all that was sent, and the trace joined from three blocks', async () => {
    const block = await openBlock(await sampleBlock('sample-compacted', COMPACTED_BLOCK));
    const read = plainOf(await block.readRowGroup(0)).map(normalTrace);
    const ids = new Set(sent.map((trace) => trace.traceId));
    expect(read.filter((trace) => ids.has(trace.traceId))).toEqual(sent);

    const [joined, ...others] = read.filter((trace) => !ids.has(trace.traceId));
    expect(others).toEqual([]);
    const parts: PlainSpan[] = [];
    for (const id of ['8839cba1-f030-4d3f-a391-5ec7ca15a9d7', 'f4d4a3d7-e289-406d-8a85-baf97b75475c', '26daa4f3-457f-4121-bdcc-c2260c54ef01']) {
      const part = await openBlock(await sampleBlock('sample-compacted', id));
      for (const trace of plainOf(await part.readRowGroup(0)).map(normalTrace)) {
        expect(trace.traceId).toBe(joined?.traceId);
        parts.push(...trace.spans);
      }
    }
    // Of spans with the same id and kind Tempo keeps the first.
    const unique = new Map(parts.toReversed().map((span) => [`${span.spanId} ${span.kind}`, span]));
    expect(joined?.spans).toEqual([...unique.values()].sort(bySpan));
    const found = await block.findTrace(idOf(joined?.traceId ?? ''));
    expect(found && plainOf(found).map(normalTrace)).toEqual([joined]);
  });

  it('refuses vParquet5 by name, whatever its meta says', async () => {
    const sample = await sampleBlock('sample-block-vp5', '7f8b7ca2-e561-4d99-8d67-7afffff53b1e');
    await expect(openBlock(sample)).rejects.toMatchObject({
      code: 'unimplemented',
      message: expect.stringContaining('unsupported block format "vParquet5", want vParquet4'),
    });
    const lying = { ...sample, meta: { ...sample.meta, format: 'vParquet4' } };
    await expect(openBlock(lying)).rejects.toMatchObject({ code: 'data_loss', message: expect.stringContaining('data.parquet: column') });
  });

  it('does not find ids that are not there', async () => {
    const block = await openBlock(await sampleBlock('sample-block', SAMPLE_BLOCK));
    for (let i = 0; i < 256; i += 5) expect(await block.findTrace(new Uint8Array(16).fill(i))).toBeUndefined();
  });
});

function idOf(text: string): Uint8Array {
  const id = parseTraceId(text);
  if (typeof id === 'number') throw new Error(`bad trace id ${text}`);
  return id;
}

/** Order is not stored everywhere: resources and scopes come sorted by key, own columns come after the list. Duplicates of a key keep theirs. */
function normalTrace(trace: PlainTrace): PlainTrace {
  return { traceId: trace.traceId, spans: trace.spans.map(normalSpan).sort(bySpan) };
}

function bySpan(a: PlainSpan, b: PlainSpan): number {
  return a.spanId < b.spanId ? -1 : a.spanId > b.spanId ? 1 : a.kind - b.kind;
}

function normalSpan(span: PlainSpan): PlainSpan {
  return { ...span, attrs: byKey(span.attrs), resource: byKey(span.resource), scope: { ...span.scope, attrs: byKey(span.scope.attrs) } };
}

function byKey(attrs: PlainAttrs): PlainAttrs {
  return [...attrs].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
}

function tracesOf(requests: readonly Json[]): PlainTrace[] {
  const traces = new Map<string, PlainSpan[]>();
  for (const request of requests)
    for (const rs of list(request, 'resourceSpans'))
      for (const ss of list(rs, 'scopeSpans'))
        for (const span of list(ss, 'spans')) {
          const id = String(span.traceId).padStart(32, '0');
          const spans = traces.get(id) ?? [];
          traces.set(id, spans);
          spans.push(spanOf(span, (rs.resource ?? {}) as Json, (ss.scope ?? {}) as Json));
        }
  return [...traces].map(([traceId, spans]) => normalTrace({ traceId, spans })).sort((a, b) => (a.traceId < b.traceId ? -1 : 1));
}

function spanOf(span: Json, resource: Json, scope: Json): PlainSpan {
  const status = (span.status ?? {}) as Json;
  const startNs = BigInt((span.startTimeUnixNano as string | undefined) ?? 0);
  return {
    spanId: String(span.spanId),
    parentId: String(span.parentSpanId ?? ''),
    name: String(span.name ?? ''),
    kind: Number(span.kind ?? 0),
    startNs,
    endNs: BigInt((span.endTimeUnixNano as string | undefined) ?? 0),
    status: Number(status.code ?? 0),
    statusMessage: String(status.message ?? ''),
    traceState: String(span.traceState ?? ''),
    attrs: attrsOf(span),
    events: list(span, 'events').map((event) => ({
      name: String(event.name ?? ''),
      timeNs: BigInt((event.timeUnixNano as string | undefined) ?? 0),
      attrs: attrsOf(event),
      dropped: Number(event.droppedAttributesCount ?? 0),
    })),
    links: list(span, 'links').map((link) => ({
      traceId: String(link.traceId).padStart(32, '0'),
      spanId: String(link.spanId),
      traceState: String(link.traceState ?? ''),
      attrs: attrsOf(link),
      dropped: Number(link.droppedAttributesCount ?? 0),
    })),
    resource: attrsOf(resource),
    scope: { name: String(scope.name ?? ''), version: String(scope.version ?? ''), attrs: attrsOf(scope) },
    droppedAttrs: Number(span.droppedAttributesCount ?? 0),
    droppedEvents: Number(span.droppedEventsCount ?? 0),
    droppedLinks: Number(span.droppedLinksCount ?? 0),
  };
}

function list(json: Json, key: string): readonly Json[] {
  return (json[key] ?? []) as readonly Json[];
}

function attrsOf(json: Json): PlainAttrs {
  return list(json, 'attributes').map((attr) => [String(attr.key), valueOf((attr.value ?? {}) as Json)] as const);
}

function valueOf(value: Json): PlainValue {
  if ('stringValue' in value) return value.stringValue as string;
  if ('intValue' in value) return BigInt(value.intValue as string);
  if ('doubleValue' in value) return Number(value.doubleValue);
  if ('boolValue' in value) return value.boolValue as boolean;
  if ('bytesValue' in value) return { bytes: new Uint8Array(Buffer.from(value.bytesValue as string, 'base64')) };
  if ('arrayValue' in value) return list(value.arrayValue as Json, 'values').map(valueOf);
  if ('kvlistValue' in value)
    return { kvlist: Object.fromEntries(list(value.kvlistValue as Json, 'values').map((kv) => [String(kv.key), valueOf(kv.value as Json)])) };
  return null;
}
