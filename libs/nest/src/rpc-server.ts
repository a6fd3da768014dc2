import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { ChannelOptions, MethodDefinition, ServerWritableStream } from '@grpc/grpc-js';
import grpc from '@grpc/grpc-js';
import { AppError, rpcCode, rpcStatus, Seldom } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, RpcCall, RpcMethod, RpcStatus, TenantId, Timers } from '@vivace/base';
import type { GrpcServerConfig } from '@vivace/config';
import { createDirectServer, DIRECT_PREFACE } from '@vivace/rpc';
import { followServerTls, HTTP2_PREFACE, tellApart } from '@vivace/sockets';
import type { FollowedServerTls } from '@vivace/sockets';
import { bindAddress } from './bind-address.ts';
import { limitConnections } from './limit-connections.ts';
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
  readonly timers: Timers;
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

/** Serves `methods` over gRPC and, on the port of its own, as direct calls (docs/format/calls.md); the first bytes of a connection tell which it is. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { config } = options;
  const server = new grpc.Server(channelOptions(config));
  const duration = requestDuration(options.metrics);
  const observe = (path: string, { code }: RpcStatus, elapsedMs: number): void => {
    duration.with({ method: 'gRPC', route: path, status_code: config.reportCodes ? codeName(code) : outcomeOf(code), ws: 'false' }).observe(elapsedMs / 1_000);
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
  const direct = createDirectServer({
    methods: options.methods,
    maxReceiveBytes: config.maxReceiveBytes,
    receiveLimitKey: 'server.grpc_server_max_recv_msg_size',
    maxSendBytes: config.maxSendBytes,
    sendLimitKey: 'server.grpc_server_max_send_msg_size',
    tenantOf: (text) => tenantOf(text, options.tenancy),
    observe,
  });
  const accepted = new Set<Duplex>();
  let listener: net.Server | undefined;
  let secure: FollowedServerTls | undefined;
  const seldom = new Seldom(options.clock);
  let isStopping = false;
  const keep = (connection: Duplex): void => {
    accepted.add(connection);
    connection.once('close', () => accepted.delete(connection));
  };
  const accept = (connection: Duplex): void => {
    if (isStopping) connection.destroy();
    else injector.injectConnection(connection);
  };
  return {
    async listen() {
      secure = config.tls && (await followServerTls(config.tls, options));
      const prefaces = [HTTP2_PREFACE, DIRECT_PREFACE, ...(secure ? [] : [TLS_HANDSHAKE])];
      listener = listenerOf(secure, (socket) => {
        keep(socket);
        tellApart(socket, prefaces, SILENCE_MS, (preface) => {
          if (preface === 0) accept(socket);
          else if (preface === 1) direct.accept(socket);
          else {
            const times = preface === 2 ? seldom.times('') : 0;
            if (times > 0) options.logger.warn('a client was refused', { why: NO_TLS, client: socket.remoteAddress, times });
            socket.destroy();
          }
        });
      });
      limitConnections(listener, { limit: config.maxConnections, key: 'server.grpc_listen_conn_limit', ...options });
      await listen(listener, config);
      listener.on('error', (reason) => options.logger.warn('grpc server: a connection could not be accepted', { err: reason }));
    },
    get port() {
      return (listener?.address() as net.AddressInfo | null | undefined)?.port ?? 0;
    },
    accept(connection) {
      keep(connection);
      accept(connection);
    },
    async stop(timeoutMs) {
      isStopping = true;
      listener?.close();
      secure?.stop();
      const answered = direct.stop(timeoutMs);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), timeoutMs);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      await answered;
      // What a forced end leaves half open, and who has said nothing yet.
      for (const connection of accepted) connection.destroy();
    },
  };
}

function outcomeOf(code: number): string {
  return code === 0 ? 'success' : code === rpcCode('canceled') ? 'cancel' : 'error';
}

/** As Go writes it: `NotFound`. */
function codeName(code: number): string {
  const name = grpc.status[code];
  if (code === 0 || name === undefined) return name ?? String(code);
  return name === 'CANCELLED' ? 'Canceled' : name.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
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
    tenant = tenantOf(call.metadata.get('x-scope-orgid').join(','), tenancy);
  } catch (reason) {
    return rpcStatus(AppError.from(reason));
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
  const header = (name: string): string | undefined => call.metadata.get(name)[0]?.toString();
  return method.handle({ request: call.request, tenant, signal: controller.signal, header, send });
}

function tenantOf(header: string, tenancy: Tenancy): TenantId {
  try {
    return resolveTenant(header, tenancy);
  } catch (reason) {
    const error = AppError.from(reason);
    // As Tempo has it.
    throw error.code === 'unauthenticated' ? new AppError('invalid_argument', error.message) : error;
  }
}

/** How TLS begins: a record of the handshake, RFC 8446, 5.1. */
const TLS_HANDSHAKE: Buffer = Buffer.of(0x16, 3);
const NO_TLS = 'it speaks TLS: set server.grpc_tls_config here, or take tls_enabled away where it is configured';

/** What a client may wait before it says what it speaks; it has nothing to wait for. */
const SILENCE_MS = 30_000;

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

/** Binds the address. Rejects `unavailable` when it cannot be had. */
async function listen(server: net.Server, { listenNetwork, listenAddress, listenPort: port }: GrpcServerConfig): Promise<void> {
  const { host: wanted, ...options } = bindAddress(listenNetwork, listenAddress);
  // Where there is no IPv6, the first of these cannot be had.
  const hosts = wanted === '' ? ['::', '0.0.0.0'] : [wanted];
  let failure: Error | undefined;
  for (const host of hosts) {
    try {
      return await bind(server, { ...options, host, port });
    } catch (reason) {
      const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      failure ??= new AppError('unavailable', `grpc server: cannot listen on ${address}: ${(reason as Error).message}; see server.grpc_listen_port`, {
        cause: reason,
      });
    }
  }
  throw failure!; // there is a host
}

function bind(server: net.Server, options: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function listenerOf(secure: FollowedServerTls | undefined, accept: (socket: net.Socket) => void): net.Server {
  if (secure === undefined) return net.createServer({ noDelay: true }, accept);
  const server = tls.createServer({ ...secure.options, noDelay: true, ALPNProtocols: ['h2'] }, accept);
  secure.attach(server);
  return server;
}
