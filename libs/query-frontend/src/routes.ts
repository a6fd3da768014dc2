import type { Handler } from './handler.ts';
import { metricsQuery } from './metrics-query.ts';
import { search } from './search.ts';
import { tagsV1, tagsV2, tagValuesV1, tagValuesV2 } from './tags.ts';
import { traceByIdV1, traceByIdV2 } from './trace-by-id.ts';

/** The `op` label of `tempo_query_frontend_queries_total`. */
export type QueryOp = 'traces' | 'search' | 'metadata' | 'metrics';

export interface RouteSpec {
  /** Its one group, if any, is the parameter; greedy, because the name of a tag may hold slashes. */
  readonly pattern: RegExp;
  readonly label: string;
  readonly op?: QueryOp;
  readonly handler: Handler;
}

const echo: Handler = async () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: 'echo' });
const buildInfo: Handler = async (deps) => ({ status: 200, contentType: 'application/json', body: JSON.stringify(deps.buildInfo) });

/** Everything below `/api`. A route without `op` asks no data and needs no tenant. */
export const ROUTES: readonly RouteSpec[] = [
  { pattern: /^\/api\/traces\/([^/]+)$/, label: 'api_traces_traceid', op: 'traces', handler: traceByIdV1 },
  { pattern: /^\/api\/v2\/traces\/([^/]+)$/, label: 'api_v2_traces_traceid', op: 'traces', handler: traceByIdV2 },
  { pattern: /^\/api\/search$/, label: 'api_search', op: 'search', handler: search },
  { pattern: /^\/api\/search\/tags$/, label: 'api_search_tags', op: 'metadata', handler: tagsV1 },
  { pattern: /^\/api\/v2\/search\/tags$/, label: 'api_v2_search_tags', op: 'metadata', handler: tagsV2 },
  { pattern: /^\/api\/search\/tag\/(.+)\/values$/, label: 'api_search_tag_tagname_values', op: 'metadata', handler: tagValuesV1 },
  { pattern: /^\/api\/v2\/search\/tag\/(.+)\/values$/, label: 'api_v2_search_tag_tagname_values', op: 'metadata', handler: tagValuesV2 },
  { pattern: /^\/api\/metrics\/query_range$/, label: 'api_metrics_query_range', op: 'metrics', handler: metricsQuery },
  { pattern: /^\/api\/metrics\/query$/, label: 'api_metrics_query', op: 'metrics', handler: metricsQuery },
  { pattern: /^\/api\/echo$/, label: 'api_echo', handler: echo },
  { pattern: /^\/api\/status\/buildinfo$/, label: 'api_status_buildinfo', handler: buildInfo },
];

/** Percent-decodes until nothing changes: Grafana before 13 encoded tag names twice. What does not decode stays as it is. */
export function decodeStable(text: string): string {
  let current = text;
  for (let round = 0; round < MAX_ROUNDS && current.includes('%'); round++) {
    const next = decodeOnce(current);
    if (next === current) break;
    current = next;
  }
  return current;
}

const MAX_ROUNDS = 4;

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
