import { CONTENT_TYPE, TEXT } from './encode.ts';
import type { Handler } from './handler.ts';
import { metricsInstant, metricsRange } from './metrics-query.ts';
import type { QueryOp } from './observe-query.ts';
import { search } from './search.ts';
import { tagsV1, tagsV2, tagValuesV1, tagValuesV2 } from './tags.ts';
import { traceByIdV1, traceByIdV2 } from './trace-by-id.ts';

export interface RouteSpec {
  readonly path: string;
  /** Its one group, if any, is the parameter. */
  readonly pattern: RegExp;
  /** In metrics: `api_traces_traceid`. */
  readonly label: string;
  /** Absent: the route asks no data and needs no tenant. */
  readonly op: QueryOp | undefined;
  readonly handler: Handler;
}

const echo: Handler = async () => ({ status: 200, contentType: TEXT, body: 'echo' });
const buildInfo: Handler = async (deps) => ({ status: 200, contentType: CONTENT_TYPE.json, body: JSON.stringify(deps.buildInfo) });

/** Everything below `/api`. */
export const ROUTES: readonly RouteSpec[] = [
  route('/api/traces/{traceID}', 'traces', traceByIdV1),
  route('/api/v2/traces/{traceID}', 'traces', traceByIdV2),
  route('/api/search', 'search', search),
  route('/api/search/tags', 'metadata', tagsV1),
  route('/api/v2/search/tags', 'metadata', tagsV2),
  route('/api/search/tag/{tagName}/values', 'metadata', tagValuesV1),
  route('/api/v2/search/tag/{tagName}/values', 'metadata', tagValuesV2),
  route('/api/metrics/query_range', 'metrics', metricsRange),
  route('/api/metrics/query', 'metrics', metricsInstant),
  route('/api/echo', undefined, echo),
  route('/api/status/buildinfo', undefined, buildInfo),
];

/** `{tagName}` takes anything, because the name of a tag may hold slashes; other parameters are one segment. */
function route(path: string, op: QueryOp | undefined, handler: Handler): RouteSpec {
  const pattern = new RegExp(`^${path.replace('{tagName}', '(.+)').replace(/\{\w+\}/, '([^/]+)')}$`, 's');
  const label = path.slice(1).toLowerCase().replace(/[{}]/g, '').replaceAll('/', '_');
  return { path, pattern, label, op, handler };
}

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
