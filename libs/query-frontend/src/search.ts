import { AppError } from '@vivace/base';
import { SearchResponseSchema } from '@vivace/proto';
import { legacyQuery } from '@vivace/query';
import type { SearchRequest } from '@vivace/query';
import type { Query } from '@vivace/traceql';
import { encodeAnswer, negotiate } from './encode.ts';
import type { Handler } from './handler.ts';
import { parseLogfmt } from './logfmt.ts';
import { checkSearchRange, countParam, durationNsParam, intParam, rangeParam, textParam } from './params.ts';
import type { QueryApiConfig } from './query-api-config.ts';
import { parseSearchQuery } from './query-text.ts';

/** `GET /api/search`: TraceQL in `q`, or a tag search in `tags`, `minDuration`, `maxDuration` or bare parameters. */
export const search: Handler = async (deps, request) => {
  const asked = parseSearchRequest(request.query, deps.config, deps.clock.now(), deps.maxSearchDurationMs(request.tenant) || deps.config.search.maxDurationMs);
  const answer = await deps.service.search(request.tenant, asked, { signal: request.signal });
  return encodeAnswer(SearchResponseSchema, answer, negotiate(request.headers['accept']), Number(answer.metrics.inspectedBytes ?? 0));
};

function parseSearchRequest(query: URLSearchParams, config: QueryApiConfig, nowMs: number, maxDurationMs: number): SearchRequest {
  const limit = limitParam(query, config);
  const spansPerSpanSet = spansParam(query, config);
  const range = rangeParam(query, nowMs);
  checkSearchRange(range, maxDurationMs);
  const q = textParam(query, 'q');
  if (q !== undefined && textParam(query, 'tags') !== undefined) throw invalid("invalid request: can't specify tags and q in the same query");
  const parsed = q === undefined ? tagSearch(query) : parseSearchQuery(q, config.maxQueryBytes);
  return { query: parsed, limit, spansPerSpanSet, range, legacy: q === undefined };
}

function limitParam(query: URLSearchParams, { search }: QueryApiConfig): number {
  const limit = intParam(query, 'limit') ?? search.defaultResultLimit;
  if (limit <= 0) throw invalid('invalid limit: must be a positive number');
  if (search.maxResultLimit > 0 && limit > search.maxResultLimit) throw invalid(`limit ${limit} exceeds max limit ${search.maxResultLimit}`);
  return limit;
}

function spansParam(query: URLSearchParams, { search }: QueryApiConfig): number {
  const spans = countParam(query, 'spss') || search.defaultSpansPerSpanSet;
  if (search.maxSpansPerSpanSet > 0 && spans > search.maxSpansPerSpanSet) {
    throw invalid(`spans per span set exceeds ${search.maxSpansPerSpanSet}. received ${spans}`);
  }
  return spans;
}

const PARAMETERS: ReadonlySet<string> = new Set(['q', 'tags', 'minDuration', 'maxDuration', 'limit', 'spss', 'start', 'end']);

/** Without `q`: what was asked before there was TraceQL. */
function tagSearch(query: URLSearchParams): Query {
  const min = durationNsParam(query, 'minDuration');
  const max = durationNsParam(query, 'maxDuration');
  if (min !== undefined && max !== undefined && min > max) throw invalid('invalid maxDuration: must be greater than minDuration');
  const tags = textParam(query, 'tags');
  return legacyQuery(new Map(tags === undefined ? bareTags(query) : parseLogfmt(tags)), min, max);
}

/** Grafana 8.0–8.2 sent every tag as a parameter of its own, and never a range. */
function bareTags(query: URLSearchParams): (readonly [string, string])[] {
  return query.has('start') || query.has('end') ? [] : [...query].filter(([key]) => key !== '' && !PARAMETERS.has(key));
}

function invalid(message: string): AppError {
  return new AppError('invalid_argument', message);
}
