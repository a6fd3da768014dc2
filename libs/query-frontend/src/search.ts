import { SearchResponseSchema } from '@vivace/proto';
import { ColumnTypes } from './column-types.ts';
import { encodeAnswer, listAnswer, negotiate } from './encode.ts';
import type { Handler } from './handler.ts';
import { parseLogfmt } from './logfmt.ts';
import { countParam, durationNsParam, intParam, rangeParam, textParam } from './params.ts';
import type { AskedSearch } from './search-request.ts';
import { searchRequest } from './search-request.ts';

/** `GET /api/search`: TraceQL in `q`, or a tag search in `tags`, `minDuration`, `maxDuration` or bare parameters. */
export const search: Handler = async ({ config, clock, maxSearchDurationMs, service }, { query, headers, tenant, signal }) => {
  const asked = searchRequest(readAsked(query, clock.now()), { config, maxDurationMs: maxSearchDurationMs(tenant) });
  const answer = await service.search(tenant, asked, { signal });
  const traces = new ColumnTypes(headers['user-agent']).unify(answer.traces);
  const model = { ...answer, traces };
  const format = negotiate(headers['accept']);
  const inspectedBytes = Number(answer.metrics.inspectedBytes ?? 0);
  return format === 'json' ? listAnswer('traces', model, inspectedBytes, signal) : encodeAnswer(SearchResponseSchema, model, format, inspectedBytes);
};

function readAsked(query: URLSearchParams, nowMs: number): AskedSearch {
  const text = textParam(query, 'q') ?? textParam(query, 'query');
  const tags = textParam(query, 'tags');
  return {
    text,
    tags: tags === undefined ? (text === undefined ? bareTags(query) : undefined) : parseLogfmt(tags),
    minNs: text === undefined ? durationNsParam(query, 'minDuration') : undefined,
    maxNs: text === undefined ? durationNsParam(query, 'maxDuration') : undefined,
    limit: intParam(query, 'limit'),
    spansPerSpanSet: countParam(query, 'spss'),
    range: rangeParam(query, nowMs),
  };
}

const PARAMETERS: ReadonlySet<string> = new Set(['q', 'query', 'tags', 'minDuration', 'maxDuration', 'limit', 'spss', 'start', 'end', 'since']);

/** Grafana 8.0–8.2 sent every tag as a parameter of its own, and never a range. */
function bareTags(query: URLSearchParams): (readonly [string, string])[] {
  return query.has('start') || query.has('end') ? [] : [...query].filter(([key]) => key !== '' && !PARAMETERS.has(key));
}
