export { MemoryBudget } from './memory-budget.ts';
export { startOtlpGrpc } from './otlp-grpc.ts';
export type { OtlpGrpcOptions } from './otlp-grpc.ts';
export { startOtlpHttp } from './otlp-http.ts';
export type { OtlpHttpOptions } from './otlp-http.ts';
export type { Push, PushInfo, PushOutcome, Receiver } from './receiver.ts';
