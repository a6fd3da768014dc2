// Short ways to write traces down.
import { tableOf } from '@vivace/testkit';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import { strict } from './strict-columns.fixture.ts';
import type { AttrRef, ColumnName, ColumnNeeds, SpanColumns } from '@vivace/trace';

export const BASE_NS = 1_795_000_000_000_000_000n;

/** A span of 5 ms, a root unless told otherwise. */
export function span(id: number, more: Partial<PlainSpan> = {}): PlainSpan {
  const startNs = more.startNs ?? BASE_NS;
  return {
    spanId: id.toString(16).padStart(16, '0'),
    parentId: '',
    name: `span-${id}`,
    kind: 1,
    startNs,
    endNs: startNs + 5_000_000n,
    status: 0,
    attrs: [],
    events: [],
    links: [],
    resource: [['service.name', 'shop']],
    scope: { name: '', version: '', attrs: [] },
    ...more,
  };
}

export function trace(id: number, ...spans: readonly PlainSpan[]): PlainTrace {
  return { traceId: id.toString(16).padStart(32, '0'), spans };
}

export function columnsOf(...traces: readonly PlainTrace[]): SpanColumns {
  return strict(new TableColumns(tableOf(traces)));
}

export interface Loaded {
  readonly columns: readonly ColumnName[];
  readonly attrs: readonly AttrRef[];
}

/** The same columns, keeping what was asked of `load`, and costing one byte each time. */
export function recording(columns: SpanColumns): { readonly columns: SpanColumns; readonly loads: Loaded[] } {
  const loads: Loaded[] = [];
  const watched = new Proxy(columns, {
    get(target, key) {
      if (key === 'load') {
        return (needs: ColumnNeeds): Promise<void> => {
          loads.push({ columns: [...needs.columns], attrs: needs.attrs });
          return target.load(needs);
        };
      }
      if (key === 'inspectedBytes') return loads.length;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
  return { columns: watched, loads };
}
