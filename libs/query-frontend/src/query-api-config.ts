import type { ObserverConfig } from './observe-query.ts';

/** Limits of the query API, from `query_frontend` of the configuration. 0 means no limit. */
export interface QueryApiConfig extends ObserverConfig {
  /** `query_frontend.api_timeout` */
  readonly apiTimeoutMs: number;
  /** `query_frontend.max_query_expression_size_bytes` */
  readonly maxQueryBytes: number;
  /** `query_frontend.url_deny_list` */
  readonly deniedUrls: readonly string[];
  /** `query_frontend.query_end_cutoff`: metrics queries see nothing younger. */
  readonly endCutoffMs: number;
  readonly search: {
    readonly defaultResultLimit: number;
    readonly maxResultLimit: number;
    readonly maxDurationMs: number;
    readonly defaultSpansPerSpanSet: number;
    readonly maxSpansPerSpanSet: number;
  };
  readonly metrics: {
    readonly maxDurationMs: number;
    /** As many when a query does not say; here 0 is none. */
    readonly maxExemplars: number;
    readonly maxResponseSeries: number;
    /** Steps in the range of a query. */
    readonly maxIntervals: number;
  };
}

/** Shown at `/api/status/buildinfo`. Grafana compares `version` with 2.2.0 and 2.7.0 to decide what it may ask. */
export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
  readonly branch: string;
  readonly buildUser: string;
  readonly buildDate: string;
  readonly goVersion: string;
}
