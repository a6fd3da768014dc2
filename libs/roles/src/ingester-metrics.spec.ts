import { createMemoryMetrics } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { Ingester } from '@vivace/ingester';
import { expect, it } from 'vitest';
import { createIngesterMetrics, showMemory } from './ingester-metrics.ts';

const [A, B] = ['a', 'b'] as TenantId[];

it('counts what comes, and shows what is live of each tenant as long as it is there', () => {
  const metrics = createMemoryMetrics();
  const counted = createIngesterMetrics(metrics);
  counted.received(A, 100, 2);
  counted.received(A, 50, 0);
  expect(metrics.value('tempo_ingester_bytes_received_total', { tenant: A, data_type: 'trace' })).toBe(150);
  expect(metrics.value('tempo_ingester_traces_created_total', { tenant: A })).toBe(2);

  let live: [TenantId, number, number][] = [
    [A, 2, 150],
    [B, 1, 10],
  ];
  showMemory({ liveTraces: () => live, memoryBytes: 7 } as unknown as Ingester, metrics);
  const shown = (tenant: TenantId): number[] => {
    metrics.collect();
    return ['tempo_ingester_live_traces', 'tempo_ingester_live_trace_bytes'].map((name) => metrics.value(name, { tenant }));
  };
  expect([shown(A), shown(B), metrics.value('vivace_ingester_memory_bytes')]).toEqual([[2, 150], [1, 10], 7]);
  live = [[B, 0, 0]];
  expect(shown(B)).toEqual([0, 0]);
  live = [];
  expect([shown(A), shown(B)]).toEqual([
    [0, 0],
    [0, 0],
  ]);
});
