export { createMetricsGenerator } from './metrics-generator.ts';
export type { MetricsGenerator, MetricsGeneratorDeps } from './metrics-generator.ts';
export type { GeneratorLimits } from './ports.ts';
export type { ProcessorFactory, SpanProcessor } from './span-processor.ts';
