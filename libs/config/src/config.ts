import type { Limits } from './limits.ts';
import type { Values } from './schema/root.ts';
import type { Secret } from './secret.ts';
import type { ClusterConfig } from './to-cluster-config.ts';

/** Durations are milliseconds, sizes bytes. Only keys that work are here; `values` has them all. */
export interface Config {
  readonly target: Values['target'];
  readonly multitenancyEnabled: boolean;
  /** Between the stop signal and the end of serving. */
  readonly shutdownDelayMs: number;
  /** Prefix of the query API: empty, or with a slash before and none after. */
  readonly httpApiPrefix: string;
  readonly server: ServerConfig;
  /** Whether the HTTP port serves gRPC too. */
  readonly streamOverHttp: boolean;
  readonly receivers: ReceiversConfig;
  readonly distributor: DistributorConfig;
  readonly ingester: IngesterConfig;
  readonly compactor: CompactorConfig;
  readonly metricsGenerator: MetricsGeneratorConfig;
  readonly ingesterRing: IngesterRingConfig;
  readonly memberlist: MemberlistConfig;
  readonly cluster: ClusterConfig;
  readonly storage: StorageConfig;
  readonly workers: WorkersConfig;
  readonly gateway: GatewayConfig;
  readonly querier: QuerierConfig;
  readonly queryFrontend: QueryFrontendConfig;
  readonly overrides: OverridesConfig;
  /** Everything, under Tempo's names, for `effectiveYaml`. */
  readonly values: Values;
}

export interface ServerConfig {
  /** Empty is all addresses. */
  readonly httpListenAddress: string;
  readonly httpListenPort: number;
  readonly httpListenNetwork: ListenNetwork;
  /** 0 is no limit. */
  readonly httpMaxConnections: number;
  /** Of all paths: empty, or with a slash before and none after. */
  readonly httpPathPrefix: string;
  readonly gracefulShutdownTimeoutMs: number;
  readonly httpReadTimeoutMs: number;
  /** 0 is `httpReadTimeoutMs`. */
  readonly httpReadHeaderTimeoutMs: number;
  /** From the request to the end of the answer; 0 is no limit. */
  readonly httpWriteTimeoutMs: number;
  readonly httpIdleTimeoutMs: number;
  readonly httpTls: ServerTlsConfig | undefined;
  readonly grpc: GrpcServerConfig;
  readonly requestLog: RequestLogConfig;
  readonly logFormat: 'logfmt' | 'json';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export type ListenNetwork = 'tcp' | 'tcp4' | 'tcp6';

/** Of HTTP. */
export interface RequestLogConfig {
  /** Otherwise they are logged at level debug. */
  readonly atInfo: boolean;
  readonly headers: boolean;
  /** In lower case. */
  readonly excludedHeaders: readonly string[];
  /** Addresses of clients; undefined is none. */
  readonly sources:
    | {
        /** All of the headers, not the first one only. */
        readonly full: boolean;
        /** In lower case; empty is those that proxies usually set. */
        readonly header: string;
        /** RE2; its first group is the address in `header`. */
        readonly pattern: string;
      }
    | undefined;
}

/** The gRPC query API. */
export interface GrpcServerConfig {
  /** Metrics tell the code of a call, not only whether it went well. */
  readonly reportCodes: boolean;
  readonly listenNetwork: ListenNetwork;
  /** 0 is no limit. */
  readonly maxConnections: number;
  /** Empty is all addresses. */
  readonly listenAddress: string;
  readonly listenPort: number;
  readonly tls: ServerTlsConfig | undefined;
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
  /** 0 is no limit. */
  readonly maxConcurrentStreams: number;
  readonly maxConnectionIdleMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** PEM, as text or in a file. */
export type Pem = { readonly text: string } | { readonly file: string };

/** What a side of TLS speaks at all. */
export interface TlsBounds {
  /** Undefined is what the runtime allows. */
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** As OpenSSL names them, with colons between; empty is what the runtime allows. */
  readonly ciphers: string;
}

export interface ServerTlsConfig extends TlsBounds {
  /** Where it is in the configuration, for messages. */
  readonly section: string;
  readonly cert: Pem;
  readonly key: Pem;
  /** Clients must have a certificate signed by these. */
  readonly clientCa: Pem | undefined;
}

export interface ReceiversConfig {
  readonly otlpGrpc: OtlpGrpcConfig | undefined;
  readonly otlpHttp: OtlpHttpConfig | undefined;
  /** Of all requests that are not answered yet, beyond which further ones are refused. */
  readonly maxPendingBytes: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients must have a certificate signed by these; empty is no client certificates. */
  readonly clientCaFile: string;
}

export interface OtlpGrpcConfig {
  readonly listen: ListenAddress;
  readonly tls: TlsConfig | undefined;
  /** After decompression. */
  readonly maxMessageBytes: number;
  /** 0 is no limit. */
  readonly maxConcurrentStreams: number;
  /** 0 is never. */
  readonly maxConnectionIdleMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
}

export interface OtlpHttpConfig {
  readonly listen: ListenAddress;
  readonly tls: TlsConfig | undefined;
  readonly tracesPath: string;
  /** After decompression. */
  readonly maxBodyBytes: number;
  /** Content encodings that are taken, `""` being none; undefined is all there are. */
  readonly encodings: readonly string[] | undefined;
  readonly cors: CorsConfig | undefined;
}

export interface CorsConfig {
  /** `*` inside one stands for any text. */
  readonly allowedOrigins: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

export interface DistributorConfig {
  /** 0 is no limit. */
  readonly maxAttributeBytes: number;
  /** 0 is what the rate limit needs. */
  readonly retryAfterMs: number;
  readonly maxNegativeDurationMs: number;
  /** 0 is none. */
  readonly artificialDelayMs: number;
}

export interface CompactorConfig {
  readonly disabled: boolean;
  readonly windowMs: number;
  readonly maxTraces: number;
  readonly maxBlockBytes: number;
  /** 0: for ever. */
  readonly retentionMs: number;
  readonly compactedRetentionMs: number;
  readonly retentionConcurrency: number;
  readonly maxTimePerTenantMs: number;
  readonly cycleMs: number;
}

export interface MetricsGeneratorConfig {
  /** Spans that ended longer ago are left out. */
  readonly slackMs: number;
  /** Of spans that wait for processors. */
  readonly maxPendingBytes: number;
}

export interface IngesterConfig {
  readonly concurrentFlushes: number;
  readonly flushCheckPeriodMs: number;
  readonly flushTimeoutMs: number;
  readonly traceIdlePeriodMs: number;
  readonly traceLivePeriodMs: number;
  readonly maxBlockDurationMs: number;
  readonly maxBlockBytes: number;
  readonly maxHeadSpans: number;
  readonly maxHeadBytes: number;
  readonly maxSealedTables: number;
  readonly blockRetryMs: number;
}

export interface IngesterRingConfig {
  readonly heartbeatTimeoutMs: number;
  readonly heartbeatPeriodMs: number;
  readonly leftTimeoutMs: number;
  readonly tokenCount: number;
  /** Empty is none. */
  readonly tokensFile: string;
  readonly joinAfterMs: number;
  readonly observePeriodMs: number;
  readonly zone: string;
  readonly unregisterOnShutdown: boolean;
  /** Empty is the host name. */
  readonly instanceId: string;
}

export interface MemberlistConfig {
  /** Empty is the host name. */
  readonly nodeName: string;
  readonly randomizeNodeName: boolean;
  readonly clusterLabel: string;
  readonly verifyClusterLabel: boolean;
  /** Of 32 bytes each; the first one encrypts. */
  readonly secretKeys: readonly Uint8Array[];
  /** Empty is all addresses. */
  readonly bindHost: string;
  readonly bindPort: number;
  /** Empty is found from the interfaces. */
  readonly advertiseHost: string;
  readonly advertisePort: number;
  readonly joinMembers: readonly string[];
  /** Empty is `joinMembers`. */
  readonly rejoinSeedNodes: readonly string[];
  readonly minJoinBackoffMs: number;
  readonly maxJoinBackoffMs: number;
  readonly maxJoinRetries: number;
  readonly abortIfJoinFails: boolean;
  readonly abortIfFastJoinFails: boolean;
  readonly fastJoinMinNodes: number;
  /** 0 is only when alone. */
  readonly rejoinIntervalMs: number;
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  readonly gossipToDeadMs: number;
  readonly deadNodeReclaimMs: number;
  readonly retransmitFactor: number;
  readonly pushPullIntervalMs: number;
  readonly streamTimeoutMs: number;
  readonly dialTimeoutMs: number;
  readonly maxConcurrentStreams: number;
  readonly leaveTimeoutMs: number;
  readonly flushTimeoutMs: number;
}

export interface StorageConfig {
  readonly backend: Values['storage']['trace']['backend'];
  readonly localPath: string;
  readonly s3: S3Config;
  readonly gcs: GcsConfig;
  readonly azure: AzureConfig;
  readonly wal: WalConfig;
  readonly block: BlockConfig;
  readonly blocklist: {
    readonly pollMs: number;
    readonly jitterMs: number;
    readonly concurrency: number;
    readonly tenantConcurrency: number;
    readonly fallback: boolean;
    /** 0: any age. */
    readonly maxIndexAgeMs: number;
    readonly toleratedErrors: number;
    readonly toleratedTenants: number;
    /** Undefined: what is left of tenants without blocks stays. */
    readonly emptyTenantAgeMs: number | undefined;
    /** Of a tenant. */
    readonly indexBuilders: number;
  };
}

/** Of reads. */
export interface HedgingConfig {
  /** 0 is never. */
  readonly afterMs: number;
  /** Most requests for one answer. */
  readonly upTo: number;
}

export interface ClientTlsConfig extends TlsBounds {
  /** Files; empty is none. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Empty is the host of the address. */
  readonly serverName: string;
  readonly skipVerify: boolean;
}

/** How other processes are called. */
export interface GrpcClientConfig {
  /** Where it is in the configuration, for messages. */
  readonly section: string;
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
  readonly connectTimeoutMs: number;
  /** Between connections that do not come about. */
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  /** Undefined is cleartext. */
  readonly tls: ClientTlsConfig | undefined;
}

export interface S3Config {
  readonly bucket: string;
  readonly prefix: string;
  /** `host`, `host:port` or a URL; empty is AWS. */
  readonly endpoint: string;
  readonly region: string;
  /** Empty takes the credentials of the environment. */
  readonly accessKey: string;
  readonly secretKey: Secret;
  readonly sessionToken: Secret;
  /** Plain HTTP, where `endpoint` has no scheme. */
  readonly insecure: boolean;
  /** 0 is chosen by the store. */
  readonly partBytes: number;
  readonly hedging: HedgingConfig;
  /** Bucket in the path (true) or host name (false); undefined depends on the endpoint. */
  readonly pathStyle: boolean | undefined;
  readonly dualStack: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly sse: {
    readonly type: Values['storage']['trace']['s3']['sse']['type'];
    readonly kmsKeyId: string;
    /** JSON, or empty. */
    readonly kmsContext: string;
    readonly customerKey: Secret;
  };
  readonly tls: ClientTlsConfig;
}

export interface GcsConfig {
  readonly bucket: string;
  readonly prefix: string;
  readonly chunkBytes: number;
  /** `host`, `host:port` or a URL; empty is Google. */
  readonly endpoint: string;
  readonly hedging: HedgingConfig;
  /** No credentials, and plain HTTP where `endpoint` has no scheme. */
  readonly insecure: boolean;
  readonly cacheControl: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly maxAttempts: number;
}

export interface AzureConfig {
  readonly account: string;
  /** Empty takes the identity of the environment. */
  readonly accountKey: Secret;
  readonly managedIdentity: boolean;
  readonly federatedToken: boolean;
  readonly userAssignedId: string;
  readonly container: string;
  readonly prefix: string;
  readonly endpointSuffix: string;
  readonly partsAtOnce: number;
  readonly partBytes: number;
  readonly hedging: HedgingConfig;
}

export interface WalConfig {
  readonly path: string;
  readonly sync: 'interval' | 'always';
  readonly syncIntervalMs: number;
  readonly segmentBytes: number;
  readonly maxPendingBytes: number;
}

export interface BlockConfig {
  readonly version: string;
  readonly bloomFalsePositive: number;
  readonly bloomShardBytes: number;
  /** Of OTLP, on average. */
  readonly rowGroupBytes: number;
  readonly rowGroupSpans: number;
  readonly dedicatedColumns: readonly DedicatedColumn[];
  readonly chooseDedicatedColumns: boolean;
}

export interface DedicatedColumn {
  readonly scope: 'resource' | 'span' | 'event';
  readonly name: string;
  readonly type: 'string' | 'int';
  readonly options: readonly string[];
}

export interface QuerierConfig {
  readonly maxConcurrentQueries: number;
  readonly maxMetricsSeries: number;
  /** 0 is no limit. */
  readonly queryLimits: { readonly maxBytes: number; readonly maxSpans: number; readonly maxGroups: number };
  readonly searchTimeoutMs: number;
  readonly traceByIdTimeoutMs: number;
  /** Before each part of a query, for tests. */
  readonly extraDelayMs: number;
  readonly blockCache: BlockCacheConfig;
  /** Of all threads together. */
  readonly columnCacheBytes: number;
}

/** Of one worker thread. */
export interface BlockCacheConfig {
  readonly maxOpenBlocks: number;
  readonly footerBytes: number;
  readonly bloomBytes: number;
  readonly indexBytes: number;
  readonly dictionaryBytes: number;
  readonly traceIdBytes: number;
}

export interface WorkersConfig {
  /** 0 is one for each CPU. */
  readonly threads: number;
  readonly maxQueued: number;
}

export interface QueryFrontendConfig {
  /** 0 is no limit. */
  readonly apiTimeoutMs: number;
  readonly maxOutstandingPerTenant: number;
  readonly maxQueryBytes: number;
  readonly multiTenantQueries: boolean;
  /** RE2; what one of them finds something in is refused. */
  readonly deniedUrls: readonly string[];
  /** 0 is none. */
  readonly endCutoffMs: number;
  /** In lower case. */
  readonly loggedHeaders: readonly string[];
  /** By the `op` of the metrics of queries. */
  readonly objectives: Readonly<Record<'traces' | 'search' | 'metadata' | 'metrics', QueryObjective>>;
  readonly search: SearchConfig;
  readonly metrics: MetricsConfig;
  /** Of parts of queries, when tenants take turns. */
  readonly weights: {
    readonly areUsed: boolean;
    readonly ofRetries: boolean;
    readonly maxConditions: number;
    readonly maxRegexConditions: number;
  };
}

/** Within it is a query that takes less, or reads more; 0 is none. */
export interface QueryObjective {
  readonly durationMs: number;
  readonly bytesPerSecond: number;
}

export interface SearchConfig {
  readonly concurrentJobs: number;
  readonly targetBytesPerJob: number;
  readonly defaultResultLimit: number;
  /** 0 is no limit. */
  readonly maxResultLimit: number;
  /** 0 is no limit. */
  readonly maxDurationMs: number;
  readonly queryBackendAfterMs: number;
  /** Of tag queries without a range. */
  readonly defaultTagRangeMs: number;
  readonly defaultSpansPerSpanSet: number;
  /** 0 is no limit. */
  readonly maxSpansPerSpanSet: number;
}

/** Of TraceQL metrics. */
export interface MetricsConfig {
  readonly concurrentJobs: number;
  readonly targetBytesPerJob: number;
  /** 0 is no limit. */
  readonly maxDurationMs: number;
  /** As many when a query does not say. */
  readonly maxExemplars: number;
  /** 0 is no limit. */
  readonly maxResponseSeries: number;
  /** Steps in the range of a query. */
  readonly maxIntervals: number;
}

export interface OverridesConfig {
  readonly defaults: Limits;
  /** Empty is none. */
  readonly perTenantFile: string;
  readonly perTenantPeriodMs: number;
}

/** The components as the gateway knows them, each behind one protocol and port. */
export type UpstreamName =
  | 'otlpHttp'
  | 'otlpGrpc'
  | 'jaeger'
  | 'zipkin'
  | 'distributor'
  | 'queryFrontend'
  | 'queryFrontendGrpc'
  | 'ingester'
  | 'metricsGenerator'
  | 'compactor';

export interface HostPort {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export type GatewayRight = 'read' | 'write' | 'admin';

export interface GatewayConfig {
  /** Empty is all addresses. */
  readonly listenAddress: string;
  readonly httpPort: number;
  /** Undefined is none. */
  readonly otlpGrpcPort: number | undefined;
  readonly tls: ServerTlsConfig | undefined;
  readonly reloadPeriodMs: number;
  readonly adminEnabled: boolean;
  readonly accessLog: 'off' | 'errors' | 'all';
  readonly trustedProxies: readonly Network[];
  /** 0 is no limit. */
  readonly maxBodyBytes: number;
  readonly timeouts: Readonly<Record<GatewayRight, GatewayTimeouts>>;
  readonly upstreams: Readonly<Record<UpstreamName, readonly HostPort[]>>;
  readonly connections: GatewayConnections;
  readonly auth: GatewayAuthConfig;
}

export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** 0 is no limit. */
export interface GatewayTimeouts {
  readonly idleMs: number;
  readonly totalMs: number;
}

export interface GatewayConnections {
  readonly connectTimeoutMs: number;
  readonly dnsRefreshMs: number;
  readonly maxPerAddress: number;
  readonly maxWaiting: number;
  readonly idleTimeoutMs: number;
  readonly tls: GatewayClientTls;
}

/** Files and names may be empty. */
export interface GatewayClientTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
}

export interface GatewayAuthConfig extends GatewayUsers {
  /** Empty is none. */
  readonly usersFile: string;
  /** Empty is none. */
  readonly htpasswdFile: string;
  readonly htpasswdRights: readonly GatewayRight[];
  readonly cacheTtlMs: number;
  readonly maxFailures: number;
  readonly failureWindowMs: number;
}

export interface GatewayUsers {
  readonly users: readonly GatewayUser[];
  readonly apiKeys: readonly GatewayKey[];
}

export interface GatewayAccount {
  readonly name: string;
  /** A tenant, for readers several joined by `|`, or `*` for what the client sends. */
  readonly tenant: string;
  readonly rights: readonly GatewayRight[];
}

export interface GatewayUser extends GatewayAccount {
  /** At most one of the two is not empty. */
  readonly password: Secret;
  readonly passwordHash: Secret;
}

export interface GatewayKey extends GatewayAccount {
  /** At most one of the two is not empty. */
  readonly key: Secret;
  /** 64 digits of lower-case hex. */
  readonly sha256: string;
}
