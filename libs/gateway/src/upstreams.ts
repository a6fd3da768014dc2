import type { Clock, Logger, MetricsRegistry, Timers } from '@vivace/base';
import type { GatewayConfig, UpstreamName } from '@vivace/config';
import type { Lookup } from './addresses.ts';
import { Addresses } from './addresses.ts';
import type { UpstreamTls } from './upstream-tls.ts';
import { GrpcUpstream } from './grpc-upstream.ts';
import { HttpUpstream } from './http-upstream.ts';

export interface UpstreamsOptions {
  readonly config: Pick<GatewayConfig, 'upstreams' | 'connections'>;
  readonly lookup: Lookup;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Everything behind the gateway. */
export interface Upstreams {
  http(name: UpstreamName): HttpUpstream;
  grpc(name: UpstreamName): GrpcUpstream;
  /** Connections made from now on use it. */
  replaceTls(tls: UpstreamTls): void;
  /** Resolves all names; never rejects, and goes on resolving them. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export function createUpstreams({ config: { upstreams, connections }, lookup, timers, clock, logger, metrics }: UpstreamsOptions): Upstreams {
  let tls: UpstreamTls = { rejectUnauthorized: true };
  const names = Object.keys(upstreams) as UpstreamName[];
  const addresses = new Map(names.map((name) => [name, new Addresses({ name, targets: upstreams[name], lookup, clock, logger, metrics })]));
  const https = new Map<UpstreamName, HttpUpstream>();
  const grpcs = new Map<UpstreamName, GrpcUpstream>();
  for (const [name, of] of addresses) {
    if (name === 'otlpGrpc' || name === 'queryFrontendGrpc') grpcs.set(name, new GrpcUpstream({ addresses: of, config: connections, timers, tls: () => tls }));
    else https.set(name, new HttpUpstream({ addresses: of, config: connections, tls: () => tls }));
  }
  let cancel = (): void => undefined;
  let closed = false;
  const refreshAll = async (): Promise<void> => {
    await Promise.all([...addresses.values()].map((of) => of.refresh()));
    if (!closed) cancel = timers.after(connections.dnsRefreshMs, () => void refreshAll());
  };
  return {
    http: (name) => https.get(name)!, // the routes name upstreams of the right kind, which a test checks
    grpc: (name) => grpcs.get(name)!,
    replaceTls(next) {
      tls = next;
      for (const upstream of [...https.values(), ...grpcs.values()]) upstream.renew();
    },
    start: refreshAll,
    async close() {
      closed = true;
      cancel();
      for (const upstream of grpcs.values()) upstream.close();
      await Promise.all([...https.values()].map((upstream) => upstream.close()));
    },
  };
}
