import { AppError, formatGoDuration } from '@vivace/base';
import type { MetricsRequest } from '@vivace/query';
import type { QueryApiConfig } from './query-api-config.ts';
import { parseMetricsQuery } from './query-text.ts';

/** A metrics query as it came in at one of the doors. Times are unix nanoseconds; what was not said is undefined. */
export interface AskedMetrics {
  readonly text: string | undefined;
  readonly startNs: bigint | undefined;
  readonly endNs: bigint | undefined;
  /** How far before its end the range begins when `startNs` is undefined. */
  readonly sinceNs: bigint | undefined;
  readonly exemplars: number | undefined;
  readonly maxSeries: number | undefined;
}

export interface AskedRange extends AskedMetrics {
  readonly stepNs: bigint | undefined;
}

export interface MetricsContext {
  readonly config: Pick<QueryApiConfig, 'maxQueryBytes' | 'metrics' | 'endCutoffMs'>;
  /** Of the tenant; 0 leaves it to `config`. */
  readonly maxDurationMs: number;
  readonly nowMs: number;
}

/** Checks a query over steps and fills in what was not said. The step stays as asked: the engine aligns. */
export function rangeRequest(asked: AskedRange, context: MetricsContext): MetricsRequest {
  const { query, startNs, endNs } = checked(asked, context);
  if (startNs > endNs) throw invalid(END_FIRST);
  checkDuration(endNs - startNs, context);
  const stepNs = asked.stepNs ?? defaultStep(endNs - startNs);
  checkStep(stepNs, endNs - startNs, context.config.metrics.maxIntervals);
  return { query, startNs, endNs, stepNs, ...amounts(asked, context) };
}

/** Checks a query for one value a series; its step, if one was sent, is not read. */
export function instantRequest(asked: AskedMetrics, context: MetricsContext): MetricsRequest {
  const { query, startNs, endNs } = checked(asked, context);
  if (startNs >= endNs) throw invalid(END_FIRST);
  checkDuration(endNs - startNs, context);
  return { query, startNs, endNs, stepNs: endNs - startNs, ...amounts(asked, context) };
}

const END_FIRST = 'end must be greater than start';
const NS_PER_SEC = 1_000_000_000n;
const DEFAULT_SINCE_NS = 3_600n * NS_PER_SEC;
const DEFAULT_STEPS = 240n;

function checked(asked: AskedMetrics, { config, nowMs }: MetricsContext): Pick<MetricsRequest, 'query' | 'startNs' | 'endNs'> {
  if (asked.text === undefined) throw invalid('missing query: want the parameter q');
  const query = parseMetricsQuery(asked.text, config.maxQueryBytes);
  const nowNs = toNs(nowMs);
  const endNs = asked.endNs ?? nowNs;
  // From an end in the future it is counted back from now, as in Tempo.
  const startNs = asked.startNs ?? (endNs < nowNs ? endNs : nowNs) - (asked.sinceNs ?? DEFAULT_SINCE_NS);
  const cutNs = nowNs - toNs(config.endCutoffMs);
  return { query, startNs: startNs > 0n ? startNs : 0n, endNs: config.endCutoffMs > 0 && cutNs < endNs ? cutNs : endNs };
}

function toNs(ms: number): bigint {
  return BigInt(Math.round(ms)) * 1_000_000n;
}

/** Grafana recognises the first half of this text and suggests a shorter range. */
function checkDuration(rangeNs: bigint, { config, maxDurationMs }: MetricsContext): void {
  const limitMs = maxDurationMs || config.metrics.maxDurationMs;
  const limitNs = BigInt(Math.round(limitMs * 1e6));
  if (limitNs === 0n || rangeNs <= limitNs) return;
  const key = maxDurationMs > 0 ? 'read.max_metrics_duration of the tenant' : 'query_frontend.metrics.max_duration';
  throw invalid(`metrics query time range exceeds the maximum allowed duration of ${formatGoDuration(limitNs)}, set by ${key}`);
}

/** About 240 points: a multiple of 5 s, or of 1 s where that is too coarse. */
function defaultStep(rangeNs: bigint): bigint {
  const step = rangeNs / DEFAULT_STEPS;
  const unit = step < 5n * NS_PER_SEC ? NS_PER_SEC : 5n * NS_PER_SEC;
  return step < NS_PER_SEC ? NS_PER_SEC : step - (step % unit);
}

function checkStep(stepNs: bigint, rangeNs: bigint, maxIntervals: number): void {
  const intervals = BigInt(maxIntervals);
  const minimum = rangeNs === 0n ? 1n : (rangeNs + intervals - 1n) / intervals;
  if (stepNs >= minimum) return;
  throw invalid(`step of ${formatGoDuration(stepNs)} is too small, minimum step for given range is ${formatGoDuration(minimum)}`);
}

/** As in Tempo, 0 exemplars is "as many as there may be": they are turned off by a hint in the query. */
function amounts(asked: AskedMetrics, { config: { metrics } }: MetricsContext): Pick<MetricsRequest, 'exemplars' | 'maxSeries'> {
  const limits = [asked.maxSeries ?? 0, metrics.maxResponseSeries].filter((limit) => limit > 0);
  return { exemplars: Math.min(asked.exemplars || metrics.maxExemplars, metrics.maxExemplars), maxSeries: limits.length === 0 ? 0 : Math.min(...limits) };
}

function invalid(message: string): AppError {
  return new AppError('invalid_argument', message);
}
