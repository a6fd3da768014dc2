import { AppError } from '@vivace/base';
import { legacyQuery } from '@vivace/query';
import type { SearchRequest, TimeRange } from '@vivace/query';
import { checkSearchRange } from './params.ts';
import type { QueryApiConfig } from './query-api-config.ts';
import { parseSearchQuery } from './query-text.ts';

/** A search as it came in at one of the doors; what was not said is undefined. */
export interface AskedSearch {
  /** TraceQL. */
  readonly text: string | undefined;
  /** Of a tag search, which also has durations. */
  readonly tags: Iterable<readonly [key: string, value: string]> | undefined;
  readonly minNs: bigint | undefined;
  readonly maxNs: bigint | undefined;
  readonly limit: number | undefined;
  readonly spansPerSpanSet: number | undefined;
  readonly range: TimeRange | undefined;
}

export interface SearchContext {
  readonly config: Pick<QueryApiConfig, 'maxQueryBytes' | 'search'>;
  /** Of the tenant; 0 leaves it to `config`. */
  readonly maxDurationMs: number;
}

/** Checks a search and fills in what was not said. */
export function searchRequest(asked: AskedSearch, { config, maxDurationMs }: SearchContext): SearchRequest {
  const { text, tags, range } = asked;
  const limit = checkedLimit(asked.limit, config.search);
  const spansPerSpanSet = checkedSpans(asked.spansPerSpanSet, config.search);
  if (maxDurationMs > 0) checkSearchRange(range, maxDurationMs, 'read.max_search_duration of the tenant');
  else checkSearchRange(range, config.search.maxDurationMs, 'query_frontend.search.max_duration');
  if (text !== undefined && tags !== undefined) throw invalid("invalid request: can't specify tags and q in the same query");
  const query = text === undefined ? tagSearch(asked) : parseSearchQuery(text, config.maxQueryBytes);
  return { query, limit, spansPerSpanSet, range, legacy: text === undefined };
}

function checkedLimit(asked: number | undefined, { defaultResultLimit, maxResultLimit }: QueryApiConfig['search']): number {
  const limit = asked ?? defaultResultLimit;
  if (limit <= 0) throw invalid('invalid limit: must be a positive number');
  if (maxResultLimit > 0 && limit > maxResultLimit) throw invalid(`limit ${limit} exceeds max limit ${maxResultLimit}`);
  return limit;
}

function checkedSpans(asked: number | undefined, { defaultSpansPerSpanSet, maxSpansPerSpanSet }: QueryApiConfig['search']): number {
  const spans = asked || defaultSpansPerSpanSet;
  if (maxSpansPerSpanSet > 0 && spans > maxSpansPerSpanSet) throw invalid(`spans per span set exceeds ${maxSpansPerSpanSet}. received ${spans}`);
  return spans;
}

/** What was asked before there was TraceQL. */
function tagSearch({ tags, minNs, maxNs }: AskedSearch): SearchRequest['query'] {
  if (minNs !== undefined && maxNs !== undefined && minNs > maxNs) throw invalid('invalid maxDuration: must be greater than minDuration');
  return legacyQuery(new Map(tags ?? []), minNs, maxNs);
}

function invalid(message: string): AppError {
  return new AppError('invalid_argument', message);
}
