import { Levels } from '@vivace/parquet';
import type { SpanTable, TraceOrder } from '@vivace/trace';

/**
 * How the spans of a row group nest: trace → resource → scope → span. A resource that occurs in several traces is one row of
 * the table and one instance in each of those traces.
 */
export interface RowGroupShape {
  readonly table: SpanTable;
  readonly order: TraceOrder;
  /** Table row of each resource (scope) instance. */
  readonly resources: Uint32Array;
  readonly scopes: Uint32Array;
  readonly traceLevels: Levels;
  readonly resourceLevels: Levels;
  readonly scopeLevels: Levels;
  readonly spanLevels: Levels;
}

export function shapeOf(table: SpanTable, order: TraceOrder): RowGroupShape {
  const { spanResource, spanScope } = table;
  const { traceCount, spans, traceSpans } = order;
  const n = spans.length;
  const resources = new Uint32Array(n);
  const scopes = new Uint32Array(n);
  const traceEnds = new Uint32Array(traceCount);
  const resourceEnds = new Uint32Array(n);
  const scopeEnds = new Uint32Array(n);
  let resourceCount = 0;
  let scopeCount = 0;
  for (let t = 0; t < traceCount; t++) {
    let resource = -1;
    let scope = -1;
    const to = traceSpans[t + 1];
    for (let i = traceSpans[t]; i < to; i++) {
      const row = spans[i];
      if (spanResource[row] !== resource) {
        resource = spanResource[row];
        resources[resourceCount++] = resource;
        scope = -1;
      }
      if (spanScope[row] !== scope) {
        scope = spanScope[row];
        scopes[scopeCount++] = scope;
        resourceEnds[resourceCount - 1] = scopeCount;
      }
      scopeEnds[scopeCount - 1] = i + 1;
    }
    traceEnds[t] = resourceCount;
  }
  const traceLevels = Levels.rows(traceCount);
  const resourceLevels = traceLevels.list(traceEnds, resourceCount);
  const scopeLevels = resourceLevels.list(resourceEnds, scopeCount);
  return {
    table,
    order,
    resources: resources.subarray(0, resourceCount),
    scopes: scopes.subarray(0, scopeCount),
    traceLevels,
    resourceLevels,
    scopeLevels,
    spanLevels: scopeLevels.list(scopeEnds, n),
  };
}
