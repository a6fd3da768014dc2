import grpc from '@grpc/grpc-js';
import { AppError, errorCodeOf } from '@vivace/base';
import type { ErrorCode, RpcMethod, RpcStatus, TenantId } from '@vivace/base';
import { createDirectClient } from './direct/direct-client.ts';
import { hostAndPort } from './host-and-port.ts';
import { checkSize, silentEnd } from './options.ts';
import type { CallOptions, ChannelOptions } from './options.ts';
import { TlsCredentials } from './tls-credentials.ts';

/** A way to another process, or to the methods of this one. */
export interface RpcChannel {
  /**
   * Calls a method: one message there, any number back. Throws an AppError with the code and text of the other side; `unavailable` when it cannot be reached. Who stops reading early cancels the call.
   */
  call(path: string, request: Uint8Array, options?: CallOptions): AsyncIterable<Uint8Array>;
  /**
   * Calls a method that answers one message, cheaply: straight over TCP (docs/format/calls.md) instead of HTTP/2. Throws as `call`. `request` is kept until it is written, which may be
   * later than the answer, and must not change; the same bytes may be given to several channels.
   */
  ask(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  close(): void;
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** One HTTP/2 connection for gRPC and one for direct calls, each made when first used and again when it broke. */
export function openChannel(address: string, options: ChannelOptions): RpcChannel {
  const { section, maxReceiveBytes, maxSendBytes, tls } = options;
  const direct = createDirectClient(address, options);
  const secure = tls && new TlsCredentials(tls, hostAndPort(address).host, options);
  const client = new grpc.Client(address, secure ?? grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': maxReceiveBytes,
    'grpc.max_send_message_length': maxSendBytes,
    // A peer that vanished without a word is noticed within this time, also while a call waits.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': options.minBackoffMs,
    'grpc.max_reconnect_backoff_ms': options.maxBackoffMs,
  });
  /** What grpc-js says, or what is known better. */
  const textOf = (code: ErrorCode, details: string): string => {
    if (code === 'resource_exhausted' && details.startsWith('Received message larger')) return `${details}, limit ${section}.max_recv_msg_size`;
    if (code !== 'unavailable') return details;
    return `${address}: ${whyUnconnected(details) ?? details}`;
  };
  /** Undefined when it is not the handshake that has failed. */
  const whyUnconnected = (details: string): string | undefined => {
    if (secure) return /^No connection established\. Last error: (?!Error: connect )/.test(details) ? secure.failure : undefined;
    return details.includes('Last error: Failed to connect') ? silentEnd(options) : undefined;
  };
  return {
    async *call(path, request, { tenant, signal, timeoutMs } = {}) {
      signal?.throwIfAborted();
      checkSize(request, options);
      const metadata = new grpc.Metadata();
      if (tenant !== undefined) metadata.set('x-scope-orgid', tenant);
      const message = Buffer.from(request.buffer, request.byteOffset, request.byteLength);
      const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
      // A method that answers one message looks the same on the wire.
      const stream = client.makeServerStreamRequest(path, asIs, asIs, message, metadata, deadline);
      const cancel = (): void => stream.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        for await (const bytes of stream) yield bytes as Buffer;
      } catch (reason) {
        throw signal?.aborted ? AppError.from(signal.reason, 'canceled') : errorOf(reason, textOf);
      } finally {
        signal?.removeEventListener('abort', cancel);
        stream.cancel();
      }
    },
    ask: (path, request, options) => direct.ask(path, request, options),
    close() {
      direct.close();
      client.close();
    },
  };
}

/** The methods of this process, without a socket between. */
export function localChannel(methods: readonly RpcMethod[]): RpcChannel {
  const byPath = new Map(methods.map((method) => [method.path, method]));
  const channel: RpcChannel = {
    async *call(path, request, { tenant, signal, timeoutMs } = {}) {
      const method = byPath.get(path);
      if (!method) throw new AppError('unimplemented', `method ${path} is unknown`);
      const gone = new AbortController();
      const given = AbortSignal.any([...(signal ? [signal] : []), ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)])]);
      const waiting: { readonly message: Uint8Array; readonly taken: () => void }[] = [];
      let wake: () => void = () => undefined;
      let status: RpcStatus | undefined;
      const onAbort = (): void => wake();
      given.addEventListener('abort', onAbort);
      const send = (message: Uint8Array): Promise<void> =>
        new Promise((taken) => {
          waiting.push({ message, taken });
          wake();
        });
      void method.handle({ request, tenant: tenant ?? ('' as TenantId), signal: AbortSignal.any([gone.signal, given]), send }).then((ended) => {
        status = ended;
        wake();
      });
      try {
        for (;;) {
          if (given.aborted) throw AppError.from(given.reason, 'canceled');
          const next = waiting.shift();
          if (next) {
            next.taken();
            yield next.message;
          } else if (status) break;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
        if (status.code !== 0) throw new AppError(errorCodeOf(status.code), status.details);
      } finally {
        given.removeEventListener('abort', onAbort);
        gone.abort();
        for (const { taken } of waiting) taken();
      }
    },
    ask: (path, request, options) => callOnce(channel, path, request, options),
    close: () => undefined,
  };
  return channel;
}

/** The one message of a method that answers one. */
export async function callOnce(channel: RpcChannel, path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
  let answer: Uint8Array | undefined;
  for await (const message of channel.call(path, request, options)) answer = message;
  if (answer === undefined) throw new AppError('internal', `method ${path} answered nothing`);
  return answer;
}

function errorOf(reason: unknown, textOf: (code: ErrorCode, details: string) => string): AppError {
  const { code, details } = reason as { readonly code?: unknown; readonly details?: unknown };
  if (typeof code !== 'number') return AppError.from(reason);
  const known = errorCodeOf(code);
  return new AppError(known, textOf(known, typeof details === 'string' ? details : ''), { cause: reason });
}
