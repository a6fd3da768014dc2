export { createLogger } from './create-logger.ts';
export type { LoggerOptions } from './create-logger.ts';
export { createMetrics } from './create-metrics.ts';
export type { Metrics, MetricsOptions } from './create-metrics.ts';
export { startProcessMetrics } from './process-metrics.ts';
export type { BuildInfo } from './process-metrics.ts';
