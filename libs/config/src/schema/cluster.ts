import { bool, bytes, duration, group, ignored, int, on, port, secret, string, strings } from './node.ts';
import { backoff, clientTls } from './shared.ts';

export const memberlist = group('Gossip between instances.', {
  node_name: string('', 'Name of this node; empty is the host name.', on),
  randomize_node_name: bool(true, 'Add a random suffix to it.', on),
  stream_timeout: duration('2s', 'Longest time of an exchange over TCP.', { ...on, min: 1 }),
  retransmit_factor: int(2, 'How often a message is repeated.', { ...on, min: 1 }),
  pull_push_interval: duration('30s', 'How often whole states are exchanged.', { ...on, min: 1 }),
  gossip_interval: duration('1s', 'How often messages are sent.', { ...on, min: 1 }),
  gossip_nodes: int(2, 'Nodes they are sent to.', { ...on, min: 1 }),
  gossip_to_dead_nodes_time: duration('30s', 'How long dead nodes get messages.', on),
  dead_node_reclaim_time: duration('0s', 'When the name of a dead node is free; 0 is gossip_to_dead_nodes_time.', on),
  compression_enabled: bool(false, 'Compress messages.'),
  notify_interval: duration('0s', 'Not needed: there are no watches.', ignored),
  received_messages_queue_size: int(1024, 'Not needed: messages are taken in as they arrive.', ignored),
  advertise_addr: string('', 'Address told to others.', on),
  advertise_port: port(7946, 'Port told to others.', on),
  cluster_label: string('', 'Name of the cluster; messages of others are refused.', on),
  cluster_label_verification_disabled: bool(false, 'Accept messages of others.', on),
  secret_key: secret(
    'Encrypts all gossip (AES-256-GCM): keys of 32 bytes in base64, comma separated; the first one encrypts, all decrypt. (Not in Tempo.)',
    on,
  ),
  join_members: strings([], 'Nodes to join; dns+ and dnssrv+ names work.', { ...on, flags: ['memberlist.host-port'] }),
  min_join_backoff: duration('1s', 'First wait before joining again.', { ...on, min: 1 }),
  max_join_backoff: duration('1m', 'Longest wait before joining again.', { ...on, min: 1 }),
  max_join_retries: int(10, 'Attempts before joining has failed; 0 is never. Trying goes on.', on),
  abort_if_cluster_fast_join_fails: bool(false, 'Stop when joining fails at once.', on),
  abort_if_cluster_fast_join_fails_min_nodes: int(1, 'Nodes that must be joined.', on),
  abort_if_cluster_join_fails: bool(false, 'Stop when joining fails.', on),
  rejoin_interval: duration('0s', 'How often nodes are joined again; 0 is only when this node is alone.', on),
  rejoin_seed_nodes: strings([], 'Nodes joined again; empty is join_members.', on),
  left_ingesters_timeout: duration('5m', 'How long members that left are remembered.', on),
  obsolete_entries_timeout: duration('30s', 'Not needed: keys are never deleted.', ignored),
  leave_timeout: duration('20s', 'Longest time to leave.', on),
  broadcast_timeout_for_local_updates_on_shutdown: duration('10s', 'Longest time to tell others when stopping.', on),
  message_history_buffer_bytes: bytes(0, 'Size of the message history of the status page.'),
  watch_prefix_buffer_size: int(128, 'Not needed: there are no watches.', ignored),
  bind_addr: strings([], 'Address to listen on, the first of them; empty is all.', on),
  bind_port: port(7946, 'Port to listen on.', on),
  packet_dial_timeout: duration('2s', 'Longest wait for a connection.', { ...on, min: 1 }),
  packet_write_timeout: duration('5s', 'Not needed: packets go over UDP.', ignored),
  max_concurrent_writes: int(3, 'Streams opened at a time for messages too large for a packet.', { ...on, min: 1 }),
  acquire_writer_timeout: duration('250ms', 'Not needed: packets go over UDP.', ignored),
  zone_aware_routing: group('Prefer nodes of the same zone.', {
    enabled: bool(false, 'Do so.'),
    instance_availability_zone: string('', 'Zone of this node.'),
    role: string('member', 'member or bridge.'),
  }),
  propagation_delay_tracker: group('Measure how long messages take.', {
    enabled: bool(false, 'Do so.'),
    beacon_interval: duration('1m', 'How often a beacon is sent.'),
    beacon_lifetime: duration('10m', 'How long beacons are kept.'),
    log_beacons_latency_longer_than: duration('0s', 'Log beacons that took longer; 0 is none.'),
  }),
  ...clientTls,
});

/** There are no usage reports: the section loads and nothing is ever sent. */
export const usageReport = group('Usage reports do not exist in Vivace; this section is read and has no effect.', {
  reporting_enabled: bool(false, 'Unused.', { ...ignored, flags: ['reporting.enabled'] }),
  backoff: silenced(backoff('100ms', '10s', 0)),
});

function silenced<F extends ReturnType<typeof backoff>>(node: F): F {
  const flag = (key: string): string => `reporting.backoff-${key === 'max_retries' ? 'retries' : key.replace('_', '-')}`;
  const fields = Object.fromEntries(Object.entries(node.fields).map(([key, field]) => [key, { ...field, ...ignored, flags: [flag(key)] }]));
  return { ...node, fields };
}
