import type { Duplex } from 'node:stream';
import type { ChannelOptions, MethodDefinition, ServerWritableStream } from '@grpc/grpc-js';
import grpc from '@grpc/grpc-js';
import { AppError, rpcCode, rpcStatus } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, RpcCall, RpcMethod, RpcStatus, TenantId } from '@vivace/base';
import type { GrpcServerConfig } from '@vivace/config';
import { readServerTls } from '@vivace/sockets';
import { requestDuration } from './request-metrics.ts';
import type { Tenancy } from './tenant.ts';
import { resolveTenant } from './tenant.ts';

export interface RpcServerOptions {
  readonly methods: readonly RpcMethod[];
  readonly config: GrpcServerConfig;
  readonly tenancy: Tenancy;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
}

export interface RpcServer {
  /** Listens on a port of its own. Rejects `unavailable` when the address cannot be had. */
  listen(): Promise<void>;
  /** 0 until it listens. */
  readonly port: number;
  /** Takes over a connection that speaks HTTP/2, after TLS if there is any. */
  accept(connection: Duplex): void;
  /** Lets open calls end for so long. */
  stop(timeoutMs: number): Promise<void>;
}

/** Serves `methods` over gRPC. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const server = new grpc.Server(channelOptions(options.config));
  const duration = requestDuration(options.metrics);
  const observe = (path: string, { code }: RpcStatus, elapsedMs: number): void => {
    const outcome = code === 0 ? 'success' : code === rpcCode('canceled') ? 'cancel' : 'error';
    duration.with({ method: 'gRPC', route: path, status_code: outcome, ws: 'false' }).observe(elapsedMs / 1_000);
    options.logger.debug('call', { path, code, durationMs: elapsedMs });
  };
  for (const method of options.methods) {
    server.addService(
      { call: definitionOf(method) },
      {
        call(call: ServerWritableStream<Buffer, Buffer>) {
          const startedMs = options.clock.now();
          void answer(method, call, options).then((status) => {
            observe(method.path, status, options.clock.now() - startedMs);
            if (status.code === 0) call.end();
            else call.emit('error', status);
          });
        },
      },
    );
  }
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const accepted = new Set<Duplex>();
  let port = 0;
  let isStopping = false;
  return {
    async listen() {
      port = await listen(server, options.config);
    },
    get port() {
      return port;
    },
    accept(connection) {
      if (isStopping) {
        connection.destroy();
        return;
      }
      accepted.add(connection);
      connection.once('close', () => accepted.delete(connection));
      injector.injectConnection(connection);
    },
    stop(timeoutMs) {
      isStopping = true;
      return new Promise((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), timeoutMs);
        server.tryShutdown(() => {
          clearTimeout(timer);
          // What a forced end leaves half open.
          for (const connection of accepted) connection.destroy();
          resolve();
        });
      });
    },
  };
}

/** Messages stay bytes: the methods read and write them. */
function definitionOf({ path }: RpcMethod): MethodDefinition<Buffer, Buffer> {
  const asIs = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: false,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

async function answer(method: RpcMethod, call: ServerWritableStream<Buffer, Buffer>, { tenancy, config }: RpcServerOptions): Promise<RpcStatus> {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort(new AppError('canceled', 'the client cancelled the call')));
  let tenant: TenantId;
  try {
    // Several values become one with a comma, as HTTP has it.
    tenant = resolveTenant(call.metadata.get('x-scope-orgid').join(','), tenancy);
  } catch (reason) {
    const status = rpcStatus(AppError.from(reason));
    // As Tempo has it.
    return status.code === rpcCode('unauthenticated') ? { ...status, code: rpcCode('invalid_argument') } : status;
  }
  const send: RpcCall['send'] = (message) =>
    new Promise((resolve, reject) => {
      if (message.length > config.maxSendBytes) {
        reject(
          new AppError(
            'resource_exhausted',
            `message has ${message.length} bytes, limit server.grpc_server_max_send_msg_size ${config.maxSendBytes}; ask for less`,
          ),
        );
        return;
      }
      const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
      call.write(bytes, (error?: Error | null) => (error ? reject(new AppError('canceled', `message could not be sent: ${error.message}`)) : resolve()));
    });
  return method.handle({ request: call.request, tenant, signal: controller.signal, send });
}

/** Longer than timers can wait, and grpc-js without a limit. */
const UNLIMITED_MS = 0x7fff_ffff;

function channelOptions(config: GrpcServerConfig): ChannelOptions {
  const times = {
    'grpc.max_connection_idle_ms': config.maxConnectionIdleMs,
    'grpc.max_connection_age_ms': config.maxConnectionAgeMs,
    'grpc.max_connection_age_grace_ms': config.maxConnectionAgeGraceMs,
    'grpc.keepalive_time_ms': config.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': config.keepaliveTimeoutMs,
  };
  return {
    'grpc.max_receive_message_length': config.maxReceiveBytes,
    'grpc.max_send_message_length': config.maxSendBytes,
    ...(config.maxConcurrentStreams > 0 && { 'grpc.max_concurrent_streams': config.maxConcurrentStreams }),
    ...Object.fromEntries(Object.entries(times).filter(([, ms]) => ms > 0 && ms < UNLIMITED_MS)),
  };
}

async function listen(server: grpc.Server, { listenAddress, listenPort, tls }: GrpcServerConfig): Promise<number> {
  const credentials = await credentialsOf(tls);
  // Where there is no IPv6, the first of these cannot be had.
  const hosts = listenAddress === '' ? ['::', '0.0.0.0'] : [listenAddress];
  let failure: Error | undefined;
  for (const host of hosts) {
    const address = `${host.includes(':') ? `[${host}]` : host}:${listenPort}`;
    try {
      return await bind(server, address, credentials);
    } catch (reason) {
      failure ??= new AppError('unavailable', `grpc server: cannot listen on ${address}: ${(reason as Error).message}`, { cause: reason });
    }
  }
  throw failure!; // there is a host
}

function bind(server: grpc.Server, address: string, credentials: grpc.ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

async function credentialsOf(tls: GrpcServerConfig['tls']): Promise<grpc.ServerCredentials> {
  if (tls === undefined) return grpc.ServerCredentials.createInsecure();
  const { cert, key, clientCa } = await readServerTls(tls);
  return grpc.ServerCredentials.createSsl(clientCa ?? null, [{ private_key: key, cert_chain: cert }], clientCa !== undefined);
}
