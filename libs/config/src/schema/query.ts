import { bool, bytes, duration, float, group, ignored, int, on, string, strings } from './node.ts';
import { grpcClient } from './shared.ts';

const slo = {
  duration_slo: duration('0s', 'A query faster than this counts in tempo_query_frontend_queries_within_slo_total; 0 is no objective.', on),
  throughput_bytes_slo: float(0, 'So does one that reads more bytes a second; 0 is no objective.', on),
};

export const querier = group('Running parts of queries.', {
  search: group('Searches.', {
    query_timeout: duration('30s', 'Longest time of a part.', on),
    max_groups: int(100_000, 'Most groups that by() may make of a trace; 0 is no limit. (Not in Tempo.)', on),
  }),
  trace_by_id: group('Traces by id.', {
    query_timeout: duration('10s', 'Longest time of a part.', on),
    external: group('Another trace store that is asked as well.', {
      endpoint: string('', 'Its address.'),
      timeout: duration('10s', 'Longest wait for its answer.'),
    }),
  }),
  metrics: group('TraceQL metrics.', {
    concurrent_blocks: int(2, 'Not needed: what is read at a time is bounded by workers.threads.', ignored),
    time_overlap_cutoff: float(0.2, 'Not needed: spans are always filtered by their times.', { ...ignored, max: 1 }),
    max_series: int(5_000, 'Most series a query counts; spans of further ones are left out, and the answer says so. (Not in Tempo.)', { ...on, min: 1 }),
  }),
  partition_ring: group('Asking live stores.', {
    minimize_requests: bool(true, 'Ask as few as possible.'),
    hedging_delay: duration('3s', 'Ask another after this time.'),
  }),
  max_bytes_per_query: bytes(0, 'A query that reads more (decoded, from cache or not) ends with 400; 0 is no limit. (Not in Tempo.)', on),
  max_spans_per_query: int(0, 'A query that looks at more spans ends with 400; 0 is no limit. (Not in Tempo.)', on),
  max_concurrent_queries: int(20, 'Parts of queries that run at a time, over all queries; workers.threads is a bound too.', { ...on, min: 1 }),
  block_cache: group('What each worker thread keeps of blocks. (Not in Tempo.)', {
    max_open_blocks: int(512, 'Blocks kept open. (Not in Tempo.)', { ...on, min: 1 }),
    footer_bytes: bytes(33_554_432, 'Footers. (Not in Tempo.)', on),
    bloom_bytes: bytes(33_554_432, 'Bloom filters. (Not in Tempo.)', on),
    index_bytes: bytes(16_777_216, 'Page indexes. (Not in Tempo.)', on),
    dictionary_bytes: bytes(33_554_432, 'Dictionaries. (Not in Tempo.)', on),
    trace_id_bytes: bytes(16_777_216, 'Trace ids. (Not in Tempo.)', on),
  }),
  column_cache_bytes: bytes(
    268_435_456,
    'Decoded columns of blocks kept for later queries, over all worker threads: about 40 bytes a span keep a small store warm. (Not in Tempo.)',
    on,
  ),
  frontend_worker: group('Getting parts from query frontends.', {
    frontend_address: string('', 'host:port of the frontends, or several with commas between; all addresses of a name are used.', {
      ...on,
      flags: ['querier.frontend-address'],
    }),
    dns_lookup_duration: duration('10s', 'How often the address is resolved.', { ...on, min: 1 }),
    parallelism: int(2, 'Parts taken of each frontend at a time without match_max_concurrent.', { ...on, min: 1 }),
    match_max_concurrent: bool(true, 'Take as many of all frontends together as max_concurrent_queries.', on),
    id: string('', 'Name of this querier; empty is the host name.', on),
    grpc_client_config: grpcClient(true, {
      sendBytes: 16_777_216,
      maxBackoff: '1s',
      retries: 5,
      window: 0,
      connect: '0s',
      connectBase: '0s',
      connectMax: '0s',
    }),
  }),
  shuffle_sharding_ingesters_enabled: bool(false, 'Ask only the ingesters a tenant is spread over (ingestion.tenant_shard_size).', on),
  shuffle_sharding_ingesters_lookback_period: duration('1h', 'How far back they may have been others; at least as long as ingesters answer for spans.', on),
  query_relevant_ingesters: bool(false, 'Not needed: a trace by id asks the ingesters that may have it; all of them where there is one copy.', ignored),
  secondary_ingester_ring: string('', 'A second ring to ask.'),
  query_live_store: bool(false, 'Ask live stores for recent spans.'),
  extra_query_delay: duration('0s', 'Wait before every part, for tests.', on),
});

export const queryFrontend = group('Answering queries.', {
  max_outstanding_per_tenant: int(2000, 'Parts of queries of one tenant that may run or wait; more are refused with 429.', { ...on, min: 1 }),
  max_batch_size: int(7, 'Not needed: a querier is given a part whenever it can run one.', ignored),
  log_query_request_headers: string('', 'Request headers in the query log, comma separated.', on),
  max_retries: int(2, 'How often a part that failed is given to another querier.', { ...on, min: 0 }),
  search: group('Searches.', {
    concurrent_jobs: int(1000, 'Parts of one query that run or wait for a thread at a time.', { ...on, min: 1 }),
    target_bytes_per_job: bytes(104_857_600, 'Most bytes of blocks in a part, but a row group at least; less where threads would idle.', { ...on, min: 1 }),
    default_result_limit: int(20, 'Traces in an answer when the query does not say.', { ...on, min: 1 }),
    max_result_limit: int(262_144, 'Most traces a query may ask for; 0 is no limit.', on),
    max_duration: duration('168h', 'Longest time range of a query; 0 is no limit.', on),
    query_backend_after: duration('15m', 'Time range of a search without start and end: so long until now. Blocks of any age are asked.', on),
    default_tag_range: duration('1h', 'Time range of a query for names or values of tags without start and end: so long until now. (Not in Tempo.)', on),
    query_ingesters_until: duration('30m', 'Not needed: recent spans are always asked, whatever their time.', ignored),
    ingester_shards: int(3, 'Not needed: ingesters are asked side by side, each for all it has or for a share of the trace ids.', ignored),
    most_recent_shards: int(200, 'Not needed: the most recent traces are always found, and every part is kept track of.', ignored),
    default_spans_per_span_set: int(3, 'Spans of a trace in an answer when the query does not say.', { ...on, min: 1 }),
    max_spans_per_span_set: int(100, 'Most spans of a trace a query may ask for; 0 is no limit.', on),
    ...slo,
    metadata_slo: group('Objectives of tag queries.', slo),
  }),
  trace_by_id: group('Traces by id.', {
    query_shards: int(50, 'Not needed: blocks are divided among the threads there are.', ignored),
    concurrent_shards: int(0, 'Not needed: there are no more parts than threads.', ignored),
    external_enabled: bool(false, 'Ask the external trace store of queriers.'),
    ...slo,
  }),
  metrics: group('TraceQL metrics.', {
    concurrent_jobs: int(1000, 'Parts of one query that run or wait for a thread at a time.', { ...on, min: 1 }),
    target_bytes_per_job: bytes(104_857_600, 'Most bytes of blocks in a part, but a row group at least; less where threads would idle.', { ...on, min: 1 }),
    max_duration: duration('3h', 'Longest time range of a query; 0 is no limit. Traces Drilldown asks for 24h.', on),
    query_backend_after: duration('30m', 'Not needed: recent spans and blocks of any age are always asked.', ignored),
    interval: duration('5m', 'Not needed: parts are cut by size, not by time.', ignored),
    max_exemplars: int(100, 'Most exemplars of an answer, and as many when the query does not say.', on),
    max_response_series: int(0, 'Most series of an answer, which is partial beyond; 0 is no limit.', on),
    streaming_shards: int(200, 'Not needed: progress is told after every part.', ignored),
    max_intervals: int(10_000, 'Most steps in the time range of a query.', { ...on, min: 1 }),
    ...slo,
  }),
  multi_tenant_queries_enabled: bool(true, 'Queries may name several tenants: `X-Scope-OrgID: a|b`.', on),
  response_consumers: int(10, 'Unused here: goroutines that merge answers.', { status: 'ignored' }),
  weights: group('Heavy parts count for more when tenants take turns: a trace by id for 2, others for 1, and 1 more for each limit below that they are over.', {
    request_with_weights: bool(true, 'Weigh parts.', on),
    retry_with_weights: bool(true, 'Weigh a part more with every repetition.', on),
    max_traceql_conditions: int(4, 'Conditions above which a query is heavy.', { ...on, min: 0 }),
    max_regex_conditions: int(1, 'Regular expressions above which a query is heavy.', { ...on, min: 0 }),
  }),
  mcp_server: group('The MCP server.', { enabled: bool(false, 'Serve it.') }),
  max_query_expression_size_bytes: bytes(131_072, 'Longest query text.', { ...on, min: 1 }),
  rf1_after: string('0001-01-01T00:00:00Z', 'Not needed: blocks are read whatever their replication, and a trace is put together from all of them.', ignored),
  api_timeout: duration('0s', 'Longest time of a request; 0 is no limit.', on),
  url_deny_list: strings(
    [],
    'Expressions (RE2) of URLs, as Tempo shows them in its answer, that are refused with 400; of gRPC the URL that asks the same.',
    on,
  ),
  allowed_headers: strings([], 'Not needed: no part of a query depends on headers.', ignored),
  query_end_cutoff: duration('0s', 'Search, tags and metrics end so long before now; 0 is now.', on),
});
