import { AppError } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { ClientTls } from '@vivace/sockets';

export interface CallOptions {
  /** Sent as `x-scope-orgid`. */
  readonly tenant?: TenantId;
  readonly signal?: AbortSignal;
  /** The call fails with `deadline_exceeded` after it. */
  readonly timeoutMs?: number;
}

export interface ChannelOptions {
  /** Where the rest is in the configuration, for messages: `ingester_client.grpc_client_config`. */
  readonly section: string;
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
  /** Until the other side has spoken; of gRPC, for the TLS handshake. */
  readonly connectTimeoutMs: number;
  /** Between connections that do not come about; meanwhile every call fails. */
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  /** Undefined is cleartext. */
  readonly tls?: ClientTls | undefined;
}

/** Throws `resource_exhausted` for a request that is longer than allowed. */
export function checkSize(request: Uint8Array, { section, maxSendBytes }: ChannelOptions): void {
  if (request.length > maxSendBytes)
    throw new AppError('resource_exhausted', `message has ${request.length} bytes, limit ${section}.max_send_msg_size ${maxSendBytes}`);
}

/** Why a connection in the clear ended before anything was said. */
export function silentEnd({ section }: ChannelOptions): string {
  return `it ended the connection without a word: where it has server.grpc_tls_config, set ${section}.tls_enabled`;
}
