export type {
  BlockConfig,
  Config,
  CorsConfig,
  DedicatedColumn,
  DistributorConfig,
  IngesterConfig,
  ListenAddress,
  OtlpGrpcConfig,
  OtlpHttpConfig,
  OverridesConfig,
  QuerierConfig,
  QueryFrontendConfig,
  ReceiversConfig,
  SearchConfig,
  ServerConfig,
  StorageConfig,
  TlsConfig,
  WalConfig,
} from './config.ts';
export { effectiveYaml } from './effective-yaml.ts';
export type { Limits } from './limits.ts';
export { loadConfig } from './load-config.ts';
export type { Loaded, LoadInput } from './load-config.ts';
export type { Problem, Warning } from './problem.ts';
export { describe } from './problem.ts';
export { Secret } from './secret.ts';
