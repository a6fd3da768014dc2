import { createMemoryMetrics } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { TestCluster } from './cluster.fixture.ts';
import { registerMembershipMetrics } from './membership-metrics.ts';
import { membershipPage } from './membership-page.ts';

const nowMs = 1_700_000_100_000;

describe('membershipPage', () => {
  it('says so where there is no gossip, in Tempo’s words', () => {
    expect(membershipPage(undefined, { accept: undefined, nowMs }).body).toBe("This instance doesn't use memberlist.");
  });

  it('lists members and values', async () => {
    const cluster = new TestCluster();
    await cluster.add({ name: '<n0>' });
    await cluster.add();
    await cluster.until(10, () => cluster.everyone(({ membership }) => membership.roster.size === 2));
    const { membership } = cluster.nodes[0];
    const json = membershipPage(membership, { accept: 'application/json', nowMs });
    expect(JSON.parse(String(json.body))).toEqual({
      Now: '2023-11-14T22:15:00.000Z',
      SortedMembers: [
        { Name: '<n0>', Addr: '10.0.0.0', Port: 7946, State: 0 },
        { Name: 'n1', Addr: '10.0.0.1', Port: 7946, State: 0 },
      ],
      StoreSizes: { value: 2 },
      TotalStoreSize: 2,
      HealthScore: 0,
    });
    const { body } = membershipPage(membership, { accept: 'text/html', nowMs });
    expect(body).toContain('The cluster has 2 members; this one is healthy.');
    expect(body).toContain('<td>&lt;n0&gt;</td><td>10.0.0.0:7946</td><td>alive</td>');
    expect(body).not.toContain('<n0>');
  });
});

describe('registerMembershipMetrics', () => {
  it('shows what gossip counts, each count once', async () => {
    const cluster = new TestCluster();
    await cluster.grow(2);
    const metrics = createMemoryMetrics();
    const { membership } = cluster.nodes[0];
    registerMembershipMetrics(metrics, membership, cluster.network.transport(cluster.nodes[0].address));
    await cluster.time.advance(60_000);
    metrics.collect();
    metrics.collect();
    expect(metrics.value('tempo_memberlist_client_cluster_members_count')).toBe(2);
    expect(metrics.value('tempo_memberlist_client_kv_store_count')).toBe(1);
    expect(metrics.value('tempo_memberlist_client_state_pulls_total')).toBe(membership.stats.pulls);
    expect(membership.stats.pulls).toBeGreaterThan(1);
  });
});
