import type { ChannelOptions, MethodDefinition, sendUnaryData, ServerCredentials, ServerUnaryCall } from '@grpc/grpc-js';
import grpc from '@grpc/grpc-js';
import { AppError, rpcCode } from '@vivace/base';
import type { Logger } from '@vivace/base';
import type { OtlpGrpcConfig } from '@vivace/config';
import { amendCall } from './amend-call.ts';
import { exportResponseProto } from './export-response.ts';
import type { Lease, MemoryBudget } from './memory-budget.ts';
import { pushError } from './push-error.ts';
import { RECEIVER_NAME } from './receiver.ts';
import type { Push, Receiver } from './receiver.ts';
import { rpcStatusProto } from './rpc-status.ts';
import { readTlsFiles } from './tls.ts';

export interface OtlpGrpcOptions {
  readonly config: OtlpGrpcConfig;
  readonly push: Push;
  /** Shared with other receivers. */
  readonly budget: MemoryBudget;
  readonly logger: Logger;
}

const INFO = { receiver: RECEIVER_NAME, transport: 'grpc' } as const;

/**
 * A message stays bytes, which the distributor reads as they are. In a box, because grpc-js keeps what was deserialised until the call is
 * collected: the box is emptied when the bytes are passed on.
 */
interface Request {
  bytes: Buffer;
}

const EMPTY = Buffer.alloc(0);

const EXPORT: MethodDefinition<Request, Buffer> = {
  path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  requestStream: false,
  responseStream: false,
  requestSerialize: ({ bytes }) => bytes,
  requestDeserialize: (bytes) => ({ bytes }),
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
};

/**
 * Listens for OTLP/gRPC. gzip, deflate, zstd and snappy are understood; the size limit holds for what they decompress to. Rejects `unavailable`
 * when the address cannot be bound.
 */
export async function startOtlpGrpc({ config, push, budget, logger }: OtlpGrpcOptions): Promise<Receiver> {
  const server = new grpc.Server({ ...channelOptions(config), interceptors: [amendCall(config.maxMessageBytes)] });
  server.addService(
    { Export: EXPORT },
    { Export: (call: ServerUnaryCall<Request, Buffer>, answer: sendUnaryData<Buffer>) => void handle(call, answer, push, budget.lease(), logger) },
  );
  const host = config.listen.host === '' ? '::' : config.listen.host;
  const address = `${host.includes(':') ? `[${host}]` : host}:${config.listen.port}`;
  const credentials = await serverCredentials(config);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error)
        reject(
          new AppError(
            'unavailable',
            `otlp grpc receiver: cannot listen on ${address}: ${error.message}; see distributor.receivers.otlp.protocols.grpc.endpoint`,
            { cause: error },
          ),
        );
      else resolve(bound);
    });
  });
  return { host, port, stop: (timeoutMs) => stop(server, timeoutMs) };
}

async function handle(call: ServerUnaryCall<Request, Buffer>, answer: sendUnaryData<Buffer>, push: Push, lease: Lease, logger: Logger): Promise<void> {
  const { bytes } = call.request;
  call.request.bytes = EMPTY;
  try {
    lease.take(bytes.length);
    const tenants = call.metadata.get('x-scope-orgid');
    // Several values become one with a comma, as HTTP/2 has it; no tenant id has a comma, so such a push is refused.
    const outcome = await push(tenants.length === 0 ? undefined : tenants.join(','), bytes, INFO);
    answer(null, asBuffer(exportResponseProto(outcome)));
  } catch (reason) {
    const error = pushError(reason, logger, INFO.transport);
    const metadata = new grpc.Metadata();
    metadata.set('grpc-status-details-bin', asBuffer(rpcStatusProto(error)));
    answer({ code: rpcCode(error.code), details: error.message, metadata });
  } finally {
    lease.release();
  }
}

function channelOptions(config: OtlpGrpcConfig): ChannelOptions {
  return {
    'grpc.max_receive_message_length': config.maxMessageBytes,
    ...(config.maxConcurrentStreams > 0 ? { 'grpc.max_concurrent_streams': config.maxConcurrentStreams } : {}),
    ...(config.maxConnectionIdleMs > 0 ? { 'grpc.max_connection_idle_ms': config.maxConnectionIdleMs } : {}),
    ...(config.maxConnectionAgeMs > 0 ? { 'grpc.max_connection_age_ms': config.maxConnectionAgeMs } : {}),
    ...(config.maxConnectionAgeGraceMs > 0 ? { 'grpc.max_connection_age_grace_ms': config.maxConnectionAgeGraceMs } : {}),
    ...(config.keepaliveTimeMs > 0 ? { 'grpc.keepalive_time_ms': config.keepaliveTimeMs } : {}),
    ...(config.keepaliveTimeoutMs > 0 ? { 'grpc.keepalive_timeout_ms': config.keepaliveTimeoutMs } : {}),
  };
}

async function serverCredentials(config: OtlpGrpcConfig): Promise<ServerCredentials> {
  if (config.tls === undefined) return grpc.ServerCredentials.createInsecure();
  const { cert, key, clientCa } = await readTlsFiles(config.tls);
  return grpc.ServerCredentials.createSsl(clientCa ?? null, [{ private_key: key, cert_chain: cert }], clientCa !== undefined);
}

function stop(server: grpc.Server, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), timeoutMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
