export type {
  AzureConfig,
  BlockCacheConfig,
  BlockConfig,
  ClientTlsConfig,
  Config,
  CorsConfig,
  DedicatedColumn,
  DistributorConfig,
  GatewayAccount,
  GatewayAuthConfig,
  GatewayClientTls,
  GatewayConfig,
  GatewayConnections,
  GatewayKey,
  GatewayRight,
  GatewayTimeouts,
  GatewayUser,
  GatewayUsers,
  GcsConfig,
  GrpcClientConfig,
  GrpcServerConfig,
  HedgingConfig,
  HostPort,
  IngesterConfig,
  ListenAddress,
  ListenNetwork,
  MetricsConfig,
  OtlpGrpcConfig,
  OtlpHttpConfig,
  OverridesConfig,
  Network,
  Pem,
  QuerierConfig,
  QueryFrontendConfig,
  ReceiversConfig,
  RequestLogConfig,
  S3Config,
  SearchConfig,
  ServerConfig,
  ServerTlsConfig,
  StorageConfig,
  TlsBounds,
  TlsConfig,
  UpstreamName,
  WalConfig,
  WorkersConfig,
} from './config.ts';
export { configDocs, usage } from './config-docs.ts';
export { effectiveYaml } from './effective-yaml.ts';
export { resolveLimits } from './limits.ts';
export type { Limits, TenantOverrides } from './limits.ts';
export { loadConfig } from './load-config.ts';
export type { Loaded, LoadInput } from './load-config.ts';
export { parseGatewayUsers } from './parse-gateway-users.ts';
export { parseOverrides } from './parse-overrides.ts';
export type { OverridesInput, ParsedOverrides } from './parse-overrides.ts';
export type { Problem, Warning } from './problem.ts';
export { describe } from './problem.ts';
export { reveal, Secret } from './secret.ts';
export type { Revealed } from './secret.ts';
