import { AppError } from '@vivace/base';
import type { HttpRequest } from '@vivace/base';
import type { QueryInstantResponse, QueryRangeResponse } from '@vivace/query';
import type { Answer } from './encode.ts';
import { listAnswer } from './encode.ts';
import type { Handler, HandlerDeps } from './handler.ts';
import type { AskedMetrics, MetricsContext } from './metrics-request.ts';
import { instantRequest, rangeRequest } from './metrics-request.ts';
import { countParam, sinceNsParam, stepNsParam, textParam, timeNsParam } from './params.ts';

/** `/api/metrics/query_range`: series of samples. */
export const metricsRange: Handler = async (deps, request) => {
  const { service } = deps;
  const { query, tenant, signal } = request;
  if (boolParam(query, 'instant')) {
    const asked = instantRequest(readAsked(query), contextOf(deps, request));
    return metricsAnswer(instantAsRange(await service.queryInstant(tenant, asked, { signal }), asked.endNs), signal);
  }
  const asked = rangeRequest({ ...readAsked(query), stepNs: stepNsParam(query) }, contextOf(deps, request));
  return metricsAnswer(await service.queryRange(tenant, asked, { signal }), signal);
};

/** `/api/metrics/query`: one value a series. */
export const metricsInstant: Handler = async (deps, request) => {
  const asked = instantRequest(readAsked(request.query), contextOf(deps, request));
  return metricsAnswer(await deps.service.queryInstant(request.tenant, asked, { signal: request.signal }), request.signal);
};

function readAsked(query: URLSearchParams): AskedMetrics {
  return {
    text: textParam(query, 'q') ?? textParam(query, 'query'),
    startNs: timeNsParam(query, 'start'),
    endNs: timeNsParam(query, 'end'),
    sinceNs: sinceNsParam(query),
    exemplars: countParam(query, 'exemplars'),
    maxSeries: countParam(query, 'maxSeries'),
  };
}

function contextOf({ config, maxMetricsDurationMs, clock }: HandlerDeps, { tenant }: HttpRequest): MetricsContext {
  return { config, maxDurationMs: maxMetricsDurationMs(tenant), nowMs: clock.now() };
}

/** Go's booleans. */
function boolParam(query: URLSearchParams, name: string): boolean {
  const text = textParam(query, name);
  if (text === undefined || /^(0|f|F|false|False|FALSE)$/.test(text)) return false;
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  throw new AppError('invalid_argument', `invalid ${name}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** Each value as the one sample of its series, as `instant=true` asks for. */
export function instantAsRange({ series, ...rest }: QueryInstantResponse, endNs: bigint): QueryRangeResponse {
  const timestampMs = String(endNs / 1_000_000n);
  return { series: series.map(({ labels, value }) => ({ labels, samples: [{ timestampMs, ...(value === undefined ? {} : { value }) }] })), ...rest };
}

/** Always JSON, whatever is accepted. */
function metricsAnswer(answer: QueryRangeResponse | QueryInstantResponse, signal: AbortSignal): Promise<Answer> {
  return listAnswer('series', answer, Number(answer.metrics.inspectedBytes ?? 0), signal);
}
