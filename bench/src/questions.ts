export interface Question {
  readonly name: string;
  readonly path: string;
  /** Needs TraceQL metrics. */
  readonly metrics?: boolean;
}

const SEARCHES = [
  '{}',
  '{ resource.service.name = "payments-api" }',
  '{ resource.service.name = "payments-api" && status = error }',
  '{ span.http.status_code >= 500 }',
  '{ duration > 1s }',
  '{ span.user.id = "user-4242" }',
  '{ span.user.id = "nobody" }',
  '{ span.db.statement =~ ".*FROM payments.*LIMIT 42.*" }',
  '{ .http.method = "DELETE" && duration > 200ms }',
  '{ name = "computePrice" } && { name = "lookupCache" }',
  '{ resource.service.name = "frontend" } >> { resource.service.name = "payments-api" && status = error }',
  '{ status = error } | count() > 3',
  '{ kind = server } | by(resource.service.name) | avg(duration) > 500ms',
  '{ span.score > 0.9995 }',
  '{ event.exception.type = "TimeoutError" }',
  '{ rootServiceName = "frontend" && traceDuration > 1s } | select(span.http.url)',
];
const METRICS = [
  '{} | rate()',
  '{ status = error } | rate() by (resource.service.name)',
  '{ kind = server } | quantile_over_time(duration, .5, .95, .99) by (resource.service.name)',
  '{} | histogram_over_time(duration)',
  '{ span.http.status_code >= 500 } | count_over_time() by (span.http.route)',
];

/** The fixed questions of the bench, over `[startSec, endSec]`; `ids` are trace ids known to be stored. */
export function questions(startSec: number, endSec: number, ids: readonly string[]): Question[] {
  const range = `start=${startSec}&end=${endSec}`;
  const at = (share: number) => ids[Math.floor((ids.length - 1) * share)];
  return [
    ...SEARCHES.map((q) => ({ name: q, path: `/api/search?q=${encodeURIComponent(q)}&limit=${q.includes('select') ? 100 : 20}&${range}` })),
    ...METRICS.map((q) => ({ name: q, path: `/api/metrics/query_range?q=${encodeURIComponent(q)}&${range}&step=60s`, metrics: true })),
    { name: 'tag names', path: `/api/v2/search/tags?${range}` },
    { name: 'tag values: service', path: `/api/v2/search/tag/resource.service.name/values?${range}` },
    {
      name: 'tag values: route of one service',
      path: `/api/v2/search/tag/span.http.route/values?q=${encodeURIComponent('{ resource.service.name = "payments-api" }')}&${range}`,
    },
    ...(ids.length === 0 ? [] : [0.1, 0.5, 0.9].map((share) => ({ name: `trace by id, at ${share}`, path: `/api/v2/traces/${at(share)}` }))),
    { name: 'trace by id, unknown', path: '/api/v2/traces/0123456789abcdef0123456789abcdef' },
  ];
}
