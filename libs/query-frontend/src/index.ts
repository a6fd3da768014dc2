export type { TraceCodec } from './handler.ts';
export type { BuildInfo, QueryApiConfig } from './query-api-config.ts';
export { createQueryApi } from './query-api.ts';
export type { QueryApiDeps } from './query-api.ts';
export { createStreamingApi } from './streaming-api.ts';
export type { StreamingApiDeps } from './streaming-api.ts';
