import { AppError } from '@vivace/base';
import type { Handler } from './handler.ts';
import { textParam } from './params.ts';
import { parseMetricsQuery } from './query-text.ts';

/** `GET /api/metrics/query_range` and `/api/metrics/query`: the query is checked, so that its errors are right; it is not evaluated. */
export const metricsQuery: Handler = async ({ config }, { query }) => {
  const text = textParam(query, 'q') ?? textParam(query, 'query');
  if (text === undefined) throw new AppError('invalid_argument', 'missing query: want the parameter q');
  parseMetricsQuery(text, config.maxQueryBytes);
  throw new AppError('unimplemented', 'metrics queries are not implemented in this version: use /api/search');
};
