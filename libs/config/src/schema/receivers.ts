import { bool, duration, free, group, int, mapOf, on, optional, secret, string, strings } from './node.ts';

/** Collector receivers: https://github.com/open-telemetry/opentelemetry-collector, configgrpc, confighttp and configtls. */

const tls = () =>
  optional(
    'TLS of the receiver.',
    group('TLS of the receiver.', {
      cert_file: string('', 'File with the certificate.', on),
      key_file: string('', 'File with the private key.', on),
      cert_pem: string('', 'Certificate, PEM.'),
      key_pem: secret('Private key, PEM.'),
      ca_file: string('', 'File with the certificates that sign servers.'),
      ca_pem: string('', 'The same, PEM.'),
      client_ca_file: string('', 'File with the certificates that sign clients; clients need one then.', on),
      client_ca_file_reload: bool(false, 'Read that file again when it changes.'),
      include_system_ca_certs_pool: bool(false, 'Trust the certificates of the system as well.'),
      min_version: string('', 'Least TLS version, such as 1.2.'),
      max_version: string('', 'Greatest TLS version.'),
      cipher_suites: strings([], 'Allowed cipher suites.'),
      curve_preferences: strings([], 'Allowed curves.'),
      reload_interval: duration('0s', 'How often certificates are read again; 0 is never.'),
    }),
    'implemented',
  );

export const grpcReceiver = (endpoint: string) =>
  group('Receiving over gRPC.', {
    endpoint: string(endpoint, 'Address and port to listen on; all addresses with 0.0.0.0.', on),
    transport: string('tcp', 'Network.'),
    tls: tls(),
    max_recv_msg_size_mib: int(0, 'Largest message in MiB after decompression; 0 is 4.', on),
    max_concurrent_streams: int(0, 'Most streams of a connection; 0 is no limit.', on),
    read_buffer_size: int(0, 'Unused here: size of the read buffer.', { status: 'ignored' }),
    write_buffer_size: int(0, 'Unused here: size of the write buffer.', { status: 'ignored' }),
    keepalive: optional(
      'Keeping connections alive.',
      group('Keeping connections alive.', {
        server_parameters: group('What the server does.', {
          max_connection_idle: duration('0s', 'When idle connections are closed; 0 is never.', on),
          max_connection_age: duration('0s', 'When connections are closed; 0 is never.', on),
          max_connection_age_grace: duration('0s', 'Time for open requests after that; 0 is no limit.', on),
          time: duration('0s', 'Silence after which a client is pinged; 0 is 2h.', on),
          timeout: duration('0s', 'Longest wait for the answer; 0 is 20s.', on),
        }),
        enforcement_policy: group('What clients may do.', {
          min_time: duration('0s', 'Least time between pings; 0 is 5m.'),
          permit_without_stream: bool(false, 'Clients may ping without a stream.'),
        }),
      }),
      'implemented',
    ),
    auth: free('Authentication by a collector extension.'),
    include_metadata: bool(false, 'Unused here: the tenant header is always read.', { status: 'ignored' }),
    middlewares: free('Collector middlewares.'),
  });

export const httpReceiver = (endpoint: string) =>
  group('Receiving over HTTP.', {
    endpoint: string(endpoint, 'Address and port to listen on; all addresses with 0.0.0.0.', on),
    traces_url_path: string('/v1/traces', 'Path of the requests.', on),
    metrics_url_path: string('/v1/metrics', 'Unused: metrics are not received.', { status: 'ignored' }),
    logs_url_path: string('/v1/logs', 'Unused: logs are not received.', { status: 'ignored' }),
    tls: tls(),
    cors: optional(
      'Requests of web pages; off unless written.',
      group('Requests of web pages.', {
        allowed_origins: strings([], 'Origins that may send; * stands for any text.', on),
        allowed_headers: strings([], 'Headers they may send besides the safe ones.', on),
        exposed_headers: strings([], 'Headers they may read.'),
        max_age: int(0, 'Seconds a browser may remember the answer; 0 is its default.', on),
      }),
      'implemented',
    ),
    auth: free('Authentication by a collector extension.'),
    max_request_body_size: int(0, 'Largest body in bytes after decompression; 0 is 20 MiB.', on),
    include_metadata: bool(false, 'Unused here: the tenant header is always read.', { status: 'ignored' }),
    response_headers: mapOf(string('', 'Headers of answers.'), 'Headers of answers.'),
    compression_algorithms: strings([], 'Accepted compressions, "" being none: gzip, zstd, zlib, deflate, snappy, x-snappy-framed, lz4; empty is all.', on),
    read_timeout: duration('0s', 'Longest time to read a request; 0 is no limit.'),
    read_header_timeout: duration('1m', 'Longest time to read the headers.'),
    write_timeout: duration('30s', 'Longest time to write an answer.'),
    idle_timeout: duration('1m', 'When idle connections are closed.'),
    keep_alives_enabled: bool(true, 'Keep connections open.'),
    middlewares: free('Collector middlewares.'),
  });

export const receivers = group('What spans are received with. When this section is empty: OTLP over gRPC and HTTP on 127.0.0.1.', {
  otlp: optional(
    'OTLP. Listens on 127.0.0.1 unless an endpoint is written.',
    group('OTLP.', {
      protocols: group('The protocols that are on are those written here.', {
        grpc: optional('OTLP over gRPC.', grpcReceiver('127.0.0.1:4317'), 'implemented'),
        http: optional('OTLP over HTTP, protobuf and JSON.', httpReceiver('127.0.0.1:4318'), 'implemented'),
      }),
    }),
    'implemented',
  ),
  jaeger: optional(
    'Jaeger.',
    group('Jaeger.', {
      protocols: group('The protocols that are on are those written here.', {
        grpc: optional('Jaeger over gRPC.', grpcReceiver('127.0.0.1:14250')),
        thrift_http: optional('Jaeger over HTTP.', httpReceiver('127.0.0.1:14268')),
        thrift_binary: free('Jaeger over UDP, binary; port 6832.'),
        thrift_compact: free('Jaeger over UDP, compact; port 6831.'),
      }),
      remote_sampling: free('Remote sampling of Jaeger clients.'),
    }),
  ),
  zipkin: optional(
    'Zipkin.',
    group('Zipkin.', { ...httpReceiver('127.0.0.1:9411').fields, parse_string_tags: bool(false, 'Turn texts into numbers and booleans.') }),
  ),
  kafka: free('Spans from Kafka, by the collector receiver of that name.'),
  opencensus: free('OpenCensus, removed from Tempo in 2.10.6.'),
});
