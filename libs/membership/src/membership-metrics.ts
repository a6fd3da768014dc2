import type { MetricsRegistry } from '@vivace/base';
import type { Membership } from './membership.ts';
import type { Transport } from './transport.ts';

/** Metrics of gossip under Tempo's names, where it means the same. `tcp_transport` is part of the names although packets go over UDP. */
export function registerMembershipMetrics(registry: MetricsRegistry, membership: Membership, transport: Transport): void {
  const client = 'tempo_memberlist_client_';
  const wire = 'tempo_memberlist_tcp_transport_';
  const { stats } = membership;
  const gauges: [string, string, () => number][] = [
    [`${client}cluster_members_count`, 'Number of members in memberlist cluster.', () => membership.roster.size],
    [`${client}cluster_node_health_score`, 'Health score of this node. 0 is healthy, larger is worse.', () => membership.healthScore],
    [`${client}kv_store_count`, 'Number of values that are shared.', () => membership.keys.length],
    [`${client}messages_in_broadcast_queue_bytes`, 'Total size of messages waiting to be broadcast.', () => membership.queued.bytes],
    ['vivace_memberlist_messages_in_broadcast_queue', 'Number of messages waiting to be broadcast.', () => membership.queued.length],
  ];
  const counters: [string, string, () => number][] = [
    [`${client}messages_to_broadcast_dropped_total`, 'Broadcasts dropped because too many were waiting.', () => membership.queued.dropped],
    [`${client}received_broadcasts_total`, 'Number of values received.', () => stats.valuesReceived],
    [`${client}received_broadcasts_bytes_total`, 'Total size of values received.', () => stats.valueBytesReceived],
    [`${client}received_broadcasts_invalid_total`, 'Number of values received that were malformed.', () => stats.valuesInvalid],
    [`${client}received_broadcasts_dropped_total`, 'Number of values received that nobody here knows.', () => stats.valuesUnknown],
    [`${client}state_pulls_total`, 'How often this node took in the whole state of another.', () => stats.pulls],
    [`${client}state_pulls_bytes_total`, 'Total size of states taken in.', () => stats.pullBytes],
    [`${client}state_pushes_total`, 'How often this node sent its whole state.', () => stats.pushes],
    [`${client}state_pushes_bytes_total`, 'Total size of states sent.', () => stats.pushBytes],
    [`${wire}packets_sent_total`, 'Number of packets sent.', () => transport.stats.packetsSent],
    [`${wire}packets_sent_bytes_total`, 'Total size of packets sent.', () => transport.stats.packetBytesSent],
    [`${wire}packets_sent_errors_total`, 'Number of packets that could not be sent.', () => transport.stats.packetErrors],
    [`${wire}packets_received_total`, 'Number of packets received.', () => transport.stats.packetsReceived],
    [`${wire}packets_received_bytes_total`, 'Total size of packets received.', () => transport.stats.packetBytesReceived],
    [`${wire}packets_received_errors_total`, 'Number of packets and streams refused as malformed.', () => stats.packetsRefused],
    [`${wire}incoming_streams_total`, 'Number of streams others opened.', () => transport.stats.streamsIn],
    [`${wire}outgoing_streams_total`, 'Number of streams opened.', () => transport.stats.streamsOut],
    [`${wire}outgoing_stream_errors_total`, 'Number of streams that failed.', () => transport.stats.streamErrors],
    [`${wire}unknown_connections_total`, 'Number of streams refused: too many, or not of this cluster.', () => transport.stats.streamsRefused],
    ['vivace_memberlist_foreign_cluster_total', 'Packets and streams with the label or key of another cluster.', () => stats.foreignCluster],
    ['vivace_memberlist_refutations_total', 'How often others took this node for dead.', () => membership.roster.refutations],
  ];
  const updates = [
    ...gauges.map(([name, help, read]) => {
      const gauge = registry.gauge(name, help);
      return () => gauge.set(read());
    }),
    ...counters.map(([name, help, read]) => {
      const counter = registry.counter(name, help);
      let counted = 0;
      return () => {
        const now = read();
        counter.inc(now - counted);
        counted = now;
      };
    }),
  ];
  registry.onCollect(() => updates.forEach((update) => update()));
}
