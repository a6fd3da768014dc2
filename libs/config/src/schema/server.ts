import type { Fields } from './node.ts';
import { bool, bytes, duration, group, int, on, oneOf, port, string } from './node.ts';
import { CIPHER_SUITES, MIN_VERSION, serverTls } from './shared.ts';

const validation = {
  enabled: bool(false, 'Check the cluster label of requests.'),
  soft_validation: bool(false, 'Only log a wrong label.'),
};

// "Infinity" as Go writes it: the longest time.Duration.
const FOREVER = '2562047h47m16.854775807s';

const fields = {
  http_listen_network: oneOf(['tcp', 'tcp4', 'tcp6'], 'tcp', 'Network of the HTTP server: IPv4, IPv6, or both.', on),
  http_listen_address: string('', 'Address the HTTP API listens on; empty is all.', on),
  http_listen_port: port(3200, 'Port of the HTTP API.', on),
  http_listen_conn_limit: int(0, 'Most HTTP connections, further ones are closed at once; 0 is no limit.', on),
  grpc_listen_network: oneOf(['tcp', 'tcp4', 'tcp6'], 'tcp', 'Network of the gRPC server: IPv4, IPv6, or both.', on),
  grpc_listen_address: string('', 'Address the gRPC API listens on; empty is all.', on),
  grpc_listen_port: port(9095, 'Port of the gRPC API.', on),
  grpc_listen_conn_limit: int(0, 'Most gRPC connections, further ones are closed at once; 0 is no limit.', on),
  grpc_collect_max_streams_by_conn: bool(true, 'Unused here: a statistic of the gRPC server.', { status: 'ignored' }),
  proxy_protocol_enabled: bool(false, 'Expect the PROXY protocol.'),
  http_tls_config: serverTls('HTTP'),
  grpc_tls_config: serverTls('gRPC'),
  tls_cipher_suites: string('', CIPHER_SUITES, on),
  tls_min_version: string('', MIN_VERSION, on),
  register_instrumentation: bool(true, 'Serve /metrics and profiles.'),
  report_grpc_codes_in_instrumentation_label_enabled: bool(false, 'The code of a gRPC call in the metrics of requests, not only success, cancel or error.', on),
  graceful_shutdown_timeout: duration('30s', 'Longest time for open requests when stopping.', on),
  http_server_read_timeout: duration('30s', 'Longest time to read a request.', on),
  http_server_read_header_timeout: duration('0s', 'Longest time to read the headers; 0 is the read timeout.', on),
  http_server_write_timeout: duration('30s', 'Longest time from a request to the end of its answer; 0 is no limit.', on),
  http_server_idle_timeout: duration('2m', 'When idle connections are closed.', on),
  http_log_closed_connections_without_response_enabled: bool(false, 'Log connections closed without an answer.'),
  grpc_server_max_recv_msg_size: bytes(16_777_216, 'Largest gRPC message received.', on),
  grpc_server_max_send_msg_size: bytes(16_777_216, 'Largest gRPC message sent.', on),
  grpc_server_max_concurrent_streams: int(100, 'Most streams of a gRPC connection; 0 is no limit.', on),
  grpc_server_max_connection_idle: duration(FOREVER, 'When idle gRPC connections are closed.', on),
  grpc_server_max_connection_age: duration(FOREVER, 'When gRPC connections are closed.', on),
  grpc_server_max_connection_age_grace: duration(FOREVER, 'Time for open requests after that.', on),
  grpc_server_keepalive_time: duration('2h', 'Silence after which a client is pinged.', on),
  grpc_server_keepalive_timeout: duration('20s', 'Longest wait for the answer.', on),
  grpc_server_min_time_between_pings: duration('10s', 'Not needed: clients may ping as often as they like.', { status: 'ignored' }),
  grpc_server_ping_without_stream_allowed: bool(true, 'Not needed: clients may always do so.', { status: 'ignored' }),
  grpc_server_num_workers: int(0, 'Unused here: workers of the gRPC server.', { status: 'ignored' }),
  grpc_server_stats_tracking_enabled: bool(true, 'Unused here: statistics of the gRPC server.', { status: 'ignored' }),
  grpc_server_recv_buffer_pools_enabled: bool(false, 'Unused here: buffer pools of the gRPC server.', { status: 'ignored' }),
  grpc_server_read_buffer_size: bytes(32_768, 'Unused here: read buffer of the gRPC server.', { status: 'ignored' }),
  grpc_server_write_buffer_size: bytes(32_768, 'Unused here: write buffer of the gRPC server.', { status: 'ignored' }),
  log_format: oneOf(['logfmt', 'json'], 'logfmt', 'Format of log lines.', on),
  log_level: oneOf(['debug', 'info', 'warn', 'error'], 'info', 'Least level that is logged.', { ...on, flags: ['log.level'] }),
  log_source_ips_enabled: bool(
    false,
    'Log the addresses of clients with HTTP requests: of the connection, and what Forwarded, X-Real-IP or X-Forwarded-For say.',
    on,
  ),
  log_source_ips_full: bool(false, 'Log all addresses of that header, not the first one only.', on),
  log_source_ips_header: string('', 'Another header with the address.', on),
  log_source_ips_regex: string('', 'Expression (RE2) whose first group is the address in that header.', on),
  log_request_headers: bool(false, 'Log headers with HTTP requests, but Authorization, Cookie, Proxy-Authorization and X-Csrf-Token.', on),
  log_request_at_info_level_enabled: bool(false, 'Log HTTP requests at level info, not debug.', on),
  log_request_exclude_headers_list: string('', 'Headers that are not logged either, comma separated.', on),
  trace_request_headers: bool(false, 'Request headers as span attributes.'),
  trace_request_exclude_headers_list: string('', 'Headers that are not.'),
  http_path_prefix: string('', 'Prefix of all HTTP paths, those of /ready and /metrics too; a gateway in front does not add it.', on),
  cluster_validation: group('Refuse requests of another cluster.', {
    label: string('', 'Name of this cluster.'),
    additional_labels: string('', 'Further accepted names, comma separated.'),
    grpc: group('On gRPC.', validation),
    http: group('On HTTP.', {
      ...validation,
      excluded_paths: string('', 'Paths that are not checked.'),
      excluded_user_agents: string('', 'User agents that are not checked.'),
    }),
  }),
  create_new_traces: bool(false, 'Start new traces instead of continuing those of clients.'),
};

export const server = group('The HTTP and gRPC servers.', fields);

export const internalServer = group('A second server for operators.', { enable: bool(false, 'Start it.'), ...accepted(fields) });

/** The keys of `server` without a claim that they work for the internal one. */
function accepted<F extends Fields>(of: F): F {
  const entries = Object.entries(of).map(([key, node]) => {
    if (node.kind === 'group') return [key, { ...node, fields: accepted(node.fields) }];
    return [key, node.kind === 'leaf' && node.status === 'implemented' ? { ...node, status: 'accepted', flags: [] } : node];
  });
  return Object.fromEntries(entries) as F; // same keys and node types, one mark changed
}
