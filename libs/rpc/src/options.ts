import type { TenantId } from '@vivace/base';

export interface CallOptions {
  /** Sent as `x-scope-orgid`. */
  readonly tenant?: TenantId;
  readonly signal?: AbortSignal;
  /** The call fails with `deadline_exceeded` after it. */
  readonly timeoutMs?: number;
}

export interface ChannelOptions {
  /** Largest message either way. */
  readonly maxMessageBytes: number;
  /** PEM; undefined is cleartext. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer; readonly serverName?: string };
}
