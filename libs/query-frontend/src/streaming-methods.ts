// The methods of tempopb.StreamingQuerier (docs/compat/api.md, gRPC): protobuf requests to questions, answers to messages.
import type { MessageShape } from '@bufbuild/protobuf';
import type { RpcCall, Timers } from '@vivace/base';
import type {
  QueryInstantRequestSchema,
  QueryRangeRequestSchema,
  SearchRequestSchema,
  SearchTagsRequestSchema,
  SearchTagValuesRequestSchema,
} from '@vivace/proto';
import {
  InstantSeriesSchema,
  QueryInstantResponseSchema,
  QueryRangeResponseSchema,
  SearchResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ScopeSchema,
  TagValueSchema,
  TimeSeriesSchema,
  TraceSearchMetadataSchema,
} from '@vivace/proto';
import type { MetricsRequest, ProgressOptions, QueryInstantResponse, QueryRangeResponse, SearchResponse, TagsRequest, TagValuesRequest } from '@vivace/query';
import type { FieldRef } from '@vivace/traceql';
import { ColumnTypes } from './column-types.ts';
import { encodeMessage } from './encode.ts';
import type { HandlerDeps } from './handler.ts';
import { instantAsRange } from './metrics-query.ts';
import { instantRequest, rangeRequest } from './metrics-request.ts';
import type { MetricsContext } from './metrics-request.ts';
import { Pacer } from './pacer.ts';
import { packMessages } from './pack-messages.ts';
import { checkedRange, tagRange } from './params.ts';
import { parseTagFilter } from './query-text.ts';
import { searchRequest } from './search-request.ts';
import { parseTagName, parseTagNameV1 } from './tag-name.ts';
import { filledScopes, flatNames, parseScope, textValues, typedValues } from './tags.ts';

export interface StreamDeps extends Omit<HandlerDeps, 'codec' | 'buildInfo'> {
  readonly timers: Timers;
}

/** Between two messages of a growing answer, as in Tempo. */
const SEND_EVERY_MS = 500;

/** Who streams, whatever its gRPC library says. */
const GRAFANA = 'Grafana/';

/**
 * Sends each trace once, when it is certain; the metrics are of all so far. A trace that has become another one nonetheless is sent again:
 * see `mergeCertain`.
 */
export async function search(deps: StreamDeps, asked: MessageShape<typeof SearchRequestSchema>, call: RpcCall): Promise<number> {
  const tags = Object.entries(asked.Tags);
  const request = searchRequest(
    {
      text: asked.Query || undefined,
      tags: tags.length === 0 && asked.Query !== '' ? undefined : tags,
      minNs: millis(asked.MinDurationMs),
      maxNs: millis(asked.MaxDurationMs),
      limit: asked.Limit || undefined,
      spansPerSpanSet: asked.SpansPerSpanSet,
      range: checkedRange(asked.start, asked.end),
    },
    { config: deps.config, maxDurationMs: deps.maxSearchDurationMs(call.tenant) },
  );
  const columns = new ColumnTypes(GRAFANA);
  const sent = new Map<string, string>();
  const unsent = ({ traces }: SearchResponse): SearchResponse['traces'] =>
    traces.filter((trace) => {
      const text = JSON.stringify(trace);
      const isSent = sent.get(trace.traceID) === text;
      sent.set(trace.traceID, text);
      return !isSent;
    });
  const answer = await growing<SearchResponse>(
    deps,
    call,
    (options) => deps.service.search(call.tenant, request, options),
    (state) => {
      const traces = encoded(TraceSearchMetadataSchema, columns.unify(unsent(state)));
      return sendAll(call, packMessages(traces, encodeMessage(SearchResponseSchema, { metrics: state.metrics })));
    },
  );
  return Number(answer.metrics.inspectedBytes ?? 0);
}

/** Sends all that is known each time; clients keep the latest value of a sample, and all of them until then. */
export async function metricsQueryRange(deps: StreamDeps, asked: MessageShape<typeof QueryRangeRequestSchema>, call: RpcCall): Promise<number> {
  const { exemplars, maxSeries, step } = asked;
  const question = { ...askedMetrics(asked), exemplars, maxSeries };
  const context = contextOf(deps, call);
  const request = asked.instant ? instantRequest(question, context) : rangeRequest({ ...question, stepNs: step || undefined }, context);
  const send = (state: QueryRangeResponse, isLast: boolean): Promise<void> => {
    const { series, ...rest } = isLast ? state : { series: onlyGrows(request, state) ? withoutZeros(state) : [], metrics: state.metrics };
    return sendAll(call, packMessages(encoded(TimeSeriesSchema, series), encodeMessage(QueryRangeResponseSchema, rest)));
  };
  const answer = asked.instant
    ? await growing<QueryInstantResponse>(
        deps,
        call,
        (options) => deps.service.queryInstant(call.tenant, request, options),
        (state, isLast) => send(instantAsRange(state, request.endNs), isLast),
      )
    : await growing<QueryRangeResponse>(deps, call, (options) => deps.service.queryRange(call.tenant, request, options), send);
  return Number(answer.metrics.inspectedBytes ?? 0);
}

/** Each message replaces the one before, so none is divided. */
export async function metricsQueryInstant(deps: StreamDeps, asked: MessageShape<typeof QueryInstantRequestSchema>, call: RpcCall): Promise<number> {
  const request = instantRequest({ ...askedMetrics(asked), exemplars: undefined, maxSeries: undefined }, contextOf(deps, call));
  const answer = await growing<QueryInstantResponse>(
    deps,
    call,
    (options) => deps.service.queryInstant(call.tenant, request, options),
    ({ series, ...rest }) =>
      sendAll(call, packMessages(encoded(InstantSeriesSchema, series), encodeMessage(QueryInstantResponseSchema, rest), Number.POSITIVE_INFINITY)),
  );
  return Number(answer.metrics.inspectedBytes ?? 0);
}

export async function searchTags(deps: StreamDeps, asked: MessageShape<typeof SearchTagsRequestSchema>, call: RpcCall): Promise<number> {
  const request = tagsRequest(deps, asked);
  const answer = await deps.service.tags(call.tenant, request, { signal: call.signal });
  return sendMetadata(call, flatNames(answer, request).map(utf8), answer.inspectedBytes);
}

export async function searchTagsV2(deps: StreamDeps, asked: MessageShape<typeof SearchTagsRequestSchema>, call: RpcCall): Promise<number> {
  const answer = await deps.service.tags(call.tenant, tagsRequest(deps, asked), { signal: call.signal });
  const pieces = filledScopes(answer).flatMap(({ name, tags }) => chunks(tags).map((some) => ({ name, tags: some })));
  return sendMetadata(call, encoded(SearchTagsV2ScopeSchema, pieces), answer.inspectedBytes);
}

export async function searchTagValues(deps: StreamDeps, asked: MessageShape<typeof SearchTagValuesRequestSchema>, call: RpcCall): Promise<number> {
  const answer = await deps.service.tagValues(call.tenant, valuesRequest(deps, asked, parseTagNameV1(asked.tagName)), { signal: call.signal });
  return sendMetadata(call, textValues(answer).map(utf8), answer.inspectedBytes);
}

export async function searchTagValuesV2(deps: StreamDeps, asked: MessageShape<typeof SearchTagValuesRequestSchema>, call: RpcCall): Promise<number> {
  const answer = await deps.service.tagValues(call.tenant, valuesRequest(deps, asked, parseTagName(asked.tagName)), { signal: call.signal });
  return sendMetadata(call, encoded(TagValueSchema, typedValues(answer)), answer.inspectedBytes);
}

/** Asks, and sends what is known now and then, and at the end all of it. */
async function growing<T>(
  { timers }: StreamDeps,
  { signal }: RpcCall,
  ask: (options: ProgressOptions<T>) => Promise<T>,
  send: (state: T, isLast: boolean) => Promise<void>,
): Promise<T> {
  const pacer = new Pacer<T>(SEND_EVERY_MS, timers, (state) => send(state, false));
  let answer: T;
  try {
    answer = await ask({ signal, onProgress: pacer.offer });
  } catch (reason) {
    await pacer.end().catch(() => undefined);
    throw reason;
  }
  await pacer.end();
  await send(answer, true);
  return answer;
}

async function sendAll(call: RpcCall, messages: Iterable<Uint8Array>): Promise<void> {
  for (const message of messages) await call.send(message);
}

async function sendMetadata(call: RpcCall, items: Iterable<Uint8Array>, inspectedBytes: number): Promise<number> {
  const metrics = inspectedBytes === 0 ? {} : { inspectedBytes: String(inspectedBytes) };
  // `metrics` is the same field in all four answers.
  await sendAll(call, packMessages(items, encodeMessage(SearchTagsResponseSchema, { metrics })));
  return inspectedBytes;
}

function* encoded(schema: Parameters<typeof encodeMessage>[0], models: Iterable<object>): Generator<Uint8Array> {
  for (const model of models) yield encodeMessage(schema, model);
}

const TEXT_ENCODER = new TextEncoder();
const utf8 = (text: string): Uint8Array => TEXT_ENCODER.encode(text);

/** Bounds the items of an answer, which are not divided. */
const TAGS_PER_ITEM = 1_000;

function chunks(tags: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(tags.length / TAGS_PER_ITEM) }, (_, i) => tags.slice(i * TAGS_PER_ITEM, (i + 1) * TAGS_PER_ITEM));
}

/** Nothing is ever taken back from a client, so a series that later ones may push out waits for the end. */
function onlyGrows({ query: { metrics, second } }: MetricsRequest, { status }: QueryRangeResponse): boolean {
  return metrics?.kind === 'metrics' && second.length === 0 && status === undefined;
}

/** A zero may only mean that nothing was counted yet. */
function withoutZeros({ series }: QueryRangeResponse): QueryRangeResponse['series'] {
  return series.map((one) => ({ ...one, samples: one.samples.filter(({ value }) => value) })).filter(({ samples }) => samples.length > 0);
}

function askedMetrics({ query, start, end }: { readonly query: string; readonly start: bigint; readonly end: bigint }) {
  return { text: query || undefined, startNs: start || undefined, endNs: end || undefined, sinceNs: undefined };
}

function contextOf({ config, maxMetricsDurationMs, clock }: StreamDeps, { tenant }: RpcCall): MetricsContext {
  return { config, maxDurationMs: maxMetricsDurationMs(tenant), nowMs: clock.now() };
}

function tagsRequest({ config, clock }: StreamDeps, asked: MessageShape<typeof SearchTagsRequestSchema>): TagsRequest {
  return {
    scope: parseScope(asked.scope || undefined),
    query: parseTagFilter(asked.query || undefined, config.maxQueryBytes),
    range: tagRange(asked.start, asked.end, clock.now()),
    limit: asked.maxTagsPerScope,
  };
}

function valuesRequest({ config, clock }: StreamDeps, asked: MessageShape<typeof SearchTagValuesRequestSchema>, tag: FieldRef): TagValuesRequest {
  return {
    tag,
    query: parseTagFilter(asked.query || undefined, config.maxQueryBytes),
    range: tagRange(asked.start || undefined, asked.end || undefined, clock.now()),
    limit: asked.maxTagValues,
  };
}

function millis(ms: number): bigint | undefined {
  return ms === 0 ? undefined : BigInt(ms) * 1_000_000n;
}
