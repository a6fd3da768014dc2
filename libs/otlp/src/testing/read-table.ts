// Span table rows as objects, in the form of `referenceDecode`.
import { hex } from '@vivace/base';
import type { AttrList, SpanTable } from '@vivace/trace';
import { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';

export function readTable(t: SpanTable): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  for (let i = 0; i < t.spanCount; i++) {
    const r = t.spanResource[i];
    const s = t.spanScope[i];
    rows.push({
      resource: { attrs: attrs(t, t.resourceAttrs, t.resourceAttrEnd, r), dropped: t.resourceDropped[r] },
      scope: {
        name: t.strings.get(t.scopeName[s]),
        version: t.strings.get(t.scopeVersion[s]),
        attrs: attrs(t, t.scopeAttrs, t.scopeAttrEnd, s),
        dropped: t.scopeDropped[s],
      },
      traceId: hex(t.traceId, t.spanTrace[i] * 16, t.spanTrace[i] * 16 + 16),
      spanId: hex(t.spanId, i * 8, i * 8 + 8),
      parentId: hex(t.spanParentId, i * 8, i * 8 + 8),
      traceState: t.strings.get(t.spanTraceState[i]),
      name: t.strings.get(t.spanName[i]),
      kind: t.spanKind[i],
      start: u64(t.spanStart, i),
      duration: t.spanDuration[i],
      attrs: attrs(t, t.spanAttrs, t.spanAttrEnd, i),
      dropped: [t.spanDroppedAttrs[i], t.spanDroppedEvents[i], t.spanDroppedLinks[i]],
      events: range(t.spanEventEnd, i).map((e) => ({
        offset: u64(t.eventOffset, e),
        name: t.strings.get(t.eventName[e]),
        attrs: attrs(t, t.eventAttrs, t.eventAttrEnd, e),
        dropped: t.eventDropped[e],
      })),
      links: range(t.spanLinkEnd, i).map((l) => ({
        traceId: hex(t.linkTraceId, l * 16, l * 16 + 16),
        spanId: hex(t.linkSpanId, l * 8, l * 8 + 8),
        traceState: t.strings.get(t.linkTraceState[l]),
        attrs: attrs(t, t.linkAttrs, t.linkAttrEnd, l),
        dropped: t.linkDropped[l],
      })),
      status: t.spanStatus[i],
      statusMessage: t.strings.get(t.spanStatusMessage[i]),
    });
  }
  return rows;
}

function range(ends: Uint32Array, row: number): number[] {
  const from = row === 0 ? 0 : ends[row - 1];
  return Array.from({ length: ends[row] - from }, (_, i) => from + i);
}

function u64(halves: Uint32Array, row: number): bigint {
  return (BigInt(halves[2 * row + 1]) << 32n) | BigInt(halves[2 * row]);
}

function attrs(t: SpanTable, list: AttrList, ends: Uint32Array, row: number): [string, string][] {
  return range(ends, row).map((i) => [t.strings.get(list.key[i]), value(t, list, i)]);
}

function value(t: SpanTable, list: AttrList, i: number): string {
  switch (list.type[i]) {
    case ATTR_STRING:
      return `s:${t.strings.get(list.u32[2 * i])}`;
    case ATTR_INT:
      return `i:${list.i64[i]}`;
    case ATTR_DOUBLE:
      return `d:${hex(new Uint8Array(Float64Array.of(list.f64[i]).buffer))}`;
    case ATTR_BOOL:
      return `b:${list.u32[2 * i] === 1}`;
    case ATTR_JSON:
      return `json:${JSON.stringify(JSON.parse(t.strings.get(list.u32[2 * i])))}`;
    case ATTR_ARRAY: {
      const from = list.u32[2 * i];
      return `array:${JSON.stringify(Array.from({ length: list.u32[2 * i + 1] }, (_, k) => value(t, t.elements, from + k)))}`;
    }
    default:
      throw new Error(`type ${list.type[i]}`);
  }
}
