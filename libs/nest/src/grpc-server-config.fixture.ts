import type { GrpcServerConfig } from '@vivace/config';

/** A server on any port of this machine, small messages, no limits on connections. */
export const GRPC_SERVER: GrpcServerConfig = {
  reportCodes: false,
  listenNetwork: 'tcp',
  maxConnections: 0,
  listenAddress: '127.0.0.1',
  listenPort: 0,
  tls: undefined,
  maxReceiveBytes: 1_000,
  maxSendBytes: 1_000,
  maxConcurrentStreams: 100,
  maxConnectionIdleMs: 0,
  maxConnectionAgeMs: 0,
  maxConnectionAgeGraceMs: 0,
  keepaliveTimeMs: 7_200_000,
  keepaliveTimeoutMs: 20_000,
};
