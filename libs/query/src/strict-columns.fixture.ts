import type { ColumnName, ColumnNeeds, SpanColumns } from '@vivace/trace';

const COLUMN_OF = {
  traceIds: 'traceId',
  traceStart: 'traceTimes',
  traceDuration: 'traceTimes',
  rootService: 'roots',
  rootName: 'roots',
  serviceStats: 'serviceStats',
  resourceCount: 'resource',
  spanResource: 'resource',
  scopeCount: 'scope',
  spanScope: 'scope',
  scopeName: 'scopeName',
  scopeVersion: 'scopeVersion',
  spanIds: 'spanId',
  parentIds: 'parentId',
  spanStart: 'start',
  spanDuration: 'duration',
  kind: 'kind',
  status: 'status',
  name: 'name',
  statusMessage: 'statusMessage',
  nestedSets: 'nestedSets',
  eventCount: 'events',
  eventSpan: 'events',
  eventName: 'eventName',
  eventOffset: 'eventOffset',
  linkCount: 'links',
  linkSpan: 'links',
  linkTraceIds: 'linkTraceId',
  linkSpanIds: 'linkSpanId',
} as const satisfies Partial<Record<keyof SpanColumns, ColumnName>>;

/** The same columns, which like a stored block refuse to show what was not loaded. */
export function strict(columns: SpanColumns): SpanColumns {
  const loaded = new Set<string>();
  return new Proxy(columns, {
    get(target, key) {
      if (key === 'load') {
        return (needs: ColumnNeeds): Promise<void> => {
          for (const name of needs.columns) loaded.add(name);
          for (const attr of needs.attrs) loaded.add(`${attr.scope} ${attr.key}`);
          return Promise.resolve();
        };
      }
      const column = (COLUMN_OF as Readonly<Record<string | symbol, ColumnName | undefined>>)[key];
      if (column && !loaded.has(column)) throw new Error(`column ${column} was not loaded`);
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      const method = (value as (...args: readonly unknown[]) => unknown).bind(target);
      if (key !== 'attr') return method;
      return (scope: string, name: string) => {
        if (!loaded.has(`${scope} ${name}`)) throw new Error(`attribute ${scope} ${name} was not loaded`);
        return method(scope, name);
      };
    },
  });
}
