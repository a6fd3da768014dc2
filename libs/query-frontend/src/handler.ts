import type { Clock, HttpRequest, TenantId } from '@vivace/base';
import type { QueryService } from '@vivace/query';
import type { SpanTable } from '@vivace/trace';
import type { Answer } from './encode.ts';
import type { BuildInfo, QueryApiConfig } from './query-api-config.ts';

/** One trace as OTLP, for the body of trace-by-id answers. */
export interface TraceCodec {
  /** The bytes of a `TracesData`. A resource without attributes gets this `service.name`. */
  traceToProto(table: SpanTable, row: number, unnamedService: string): Uint8Array;
  /** The JSON text of the array `resourceSpans`. */
  traceToJson(table: SpanTable, row: number, unnamedService: string): string;
}

export interface HandlerDeps {
  readonly service: QueryService;
  readonly codec: TraceCodec;
  readonly config: QueryApiConfig;
  /** `overrides.….read.max_search_duration`; 0 leaves it to `config`. */
  readonly maxSearchDurationMs: (tenant: TenantId) => number;
  /** `overrides.….read.max_metrics_duration`; 0 leaves it to `config`. */
  readonly maxMetricsDurationMs: (tenant: TenantId) => number;
  readonly buildInfo: BuildInfo;
  readonly clock: Clock;
}

/** `param` is the variable part of the path, decoded; empty where the route has none. Errors are thrown as AppError. */
export type Handler = (deps: HandlerDeps, request: HttpRequest, param: string) => Promise<Answer>;
