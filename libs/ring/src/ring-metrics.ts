import type { MetricsRegistry } from '@vivace/base';
import { RING_STATES } from './entry.ts';
import type { Lifecycler } from './lifecycler.ts';
import type { Ring } from './ring.ts';

const STATES = [...RING_STATES.filter((state) => state !== 'LEFT'), 'Unhealthy'] as const;

/** Metrics of a ring under Tempo's names, for those who only read it, too. */
export function registerRingMetrics(registry: MetricsRegistry, ring: Ring): void {
  const members = registry.gauge('tempo_ring_members', 'Number of members in the ring.', ['name', 'state']);
  const oldest = registry.gauge('tempo_ring_oldest_member_timestamp', 'Timestamp of the oldest heartbeat in the ring, in seconds.', ['name', 'state']);
  const tokens = registry.gauge('tempo_ring_tokens_total', 'Number of tokens in the ring.', ['name']).with({ name: ring.name });
  const refused = registry
    .gauge('vivace_ring_refused_members', 'Members not taken in: from the future, or over the limit on members.', ['name'])
    .with({ name: ring.name });
  registry.onCollect(() => {
    const nowMs = ring.options.clock.now();
    const count = new Map<string, number>();
    const since = new Map<string, number>();
    for (const entry of ring.entries()) {
      if (!entry.pulse || entry.pulse.state === 'LEFT') continue;
      const state = ring.isHealthy(entry, nowMs) ? entry.pulse.state : 'Unhealthy';
      count.set(state, (count.get(state) ?? 0) + 1);
      since.set(state, Math.min(since.get(state) ?? Number.POSITIVE_INFINITY, entry.pulse.timestampMs));
    }
    for (const state of STATES) {
      members.with({ name: ring.name, state }).set(count.get(state) ?? 0);
      oldest.with({ name: ring.name, state }).set(Math.floor((since.get(state) ?? 0) / 1_000));
    }
    tokens.set(ring.view().topology.tokens.length);
    refused.set(ring.refused);
  });
}

/** Metrics of this process as a member of the ring of this name. */
export function registerMemberMetrics(registry: MetricsRegistry, name: string, member: Lifecycler): void {
  const owned = registry.gauge('tempo_ring_member_tokens_owned', 'The number of tokens owned in the ring.', ['name']).with({ name });
  const toOwn = registry.gauge('tempo_ring_member_tokens_to_own', 'The number of tokens to own in the ring.', ['name']).with({ name });
  const heartbeats = registry.counter('tempo_ring_member_heartbeats_total', 'The total number of heartbeats sent.', ['name']).with({ name });
  let counted = 0;
  registry.onCollect(() => {
    const { tokens, tokensWanted, heartbeats: sent } = member.stats;
    owned.set(tokens);
    toOwn.set(tokensWanted);
    heartbeats.inc(sent - counted);
    counted = sent;
  });
}
