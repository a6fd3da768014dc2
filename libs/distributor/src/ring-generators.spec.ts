import { AppError, createMemoryMetrics, silentLogger } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { DEFAULT_SCAN_LIMITS, ProtoWriter, scanExport, ScanResult } from '@vivace/otlp';
import { callOnce, localChannel } from '@vivace/rpc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ringOf } from './ring.fixture.ts';
import { createRingGenerators, generatorPushMethod } from './ring-generators.ts';

const TENANT = 't' as TenantId;
const spansOf = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 60 });

/** A request of spans, each `[trace, span]`; span 0 has no id, which is refused. */
function request(spans: readonly (readonly [number, number])[]): { bytes: Uint8Array; scan: ScanResult } {
  const w = new ProtoWriter(1_024);
  const resource = w.begin(0x0a);
  const scope = w.begin(0x12);
  for (const [trace, span] of spans) {
    const at = w.begin(0x12);
    w.bytes(0x0a, idOf(trace, 16));
    w.bytes(0x12, span === 0 ? new Uint8Array(0) : idOf(span, 8));
    w.end(at);
  }
  w.end(scope);
  w.end(resource);
  const bytes = w.result();
  const scan = new ScanResult();
  scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
  return { bytes, scan };
}

function idOf(n: number, size: number): Uint8Array {
  const id = new Uint8Array(size).fill(n * 37);
  id[size - 1] = n;
  id[0] = 1;
  return id;
}

/** `traces` and `spans` of all pushes it took, as numbers. */
class FakeGenerator {
  readonly spans: (readonly [number, number])[] = [];
  pushes = 0;
  failure: AppError | undefined;

  async push(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): Promise<void> {
    if (this.failure) throw this.failure;
    expect(tenant).toBe(TENANT);
    this.pushes++;
    for (let i = 0; i < scan.spanCount; i++) {
      const at = scan.spanTraceIdAt[i];
      this.spans.push([bytes[at + 15], bytes[at + 16 + 2 + 7]]);
    }
  }
}

function setUp(size: number) {
  const generators = Array.from({ length: size }, () => new FakeGenerator());
  const ring = ringOf({ name: 'metrics-generator', replicationFactor: 1, members: generators.map((_, i) => ({ id: `g${i}`, address: `${i}` })) });
  const metrics = createMemoryMetrics();
  const port = createRingGenerators({
    view: () => ring.view(),
    channel: (address) => localChannel([generatorPushMethod(generators[Number(address)], silentLogger)]),
    timeoutMs: 1_000,
    metrics,
  });
  const push = (...spans: (readonly [number, number])[]): Promise<void> => {
    const { bytes, scan } = request(spans);
    return port.push(TENANT, bytes, scan);
  };
  const pushes = (kind: '' | 'failures_', of: string): number =>
    metrics.value(`tempo_distributor_metrics_generator_pushes_${kind}total`, { metrics_generator: of });
  return { ring, generators, push, pushes };
}

const sorted = (spans: readonly (readonly [number, number])[]): string[] => spans.map(([trace, span]) => `${trace}/${span}`).sort();

describe('generators in a ring', () => {
  it('get every good span once, the spans of a trace together, in one request each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), spansOf, fc.boolean(), async (size, spans, withBad) => {
        const { generators, push, pushes } = setUp(size);
        await push(...spans, ...(withBad ? ([[1, 0]] as const) : []));
        expect(sorted(generators.flatMap((generator) => generator.spans))).toEqual(sorted(spans));
        const traces = generators.map((generator) => new Set(generator.spans.map(([trace]) => trace)));
        expect(traces.reduce((sum, set) => sum + set.size, 0)).toBe(new Set(spans.map(([trace]) => trace)).size);
        expect(generators.map(({ pushes: n }) => n)).toEqual(traces.map((set) => Math.min(1, set.size)));
        expect(generators.map((_, i) => pushes('', `${i}`))).toEqual(generators.map(({ pushes: n }) => n));
      }),
    );
  });

  it('fail alone: the others have their spans, nobody gets those of another', async () => {
    const { generators, push, pushes } = setUp(3);
    const spans = Array.from({ length: 40 }, (_, trace): [number, number] => [trace, 1]);
    await push(...spans);
    const before = generators.map((generator) => sorted(generator.spans));
    expect(before.every((list) => list.length > 0)).toBe(true);
    for (const generator of generators) generator.spans.length = 0;
    generators[1].failure = new AppError('resource_exhausted', 'busy');
    await expect(push(...spans)).rejects.toMatchObject({ code: 'resource_exhausted' });
    expect(generators.map((generator) => sorted(generator.spans))).toEqual([before[0], [], before[2]]);
    expect([pushes('', '1'), pushes('failures_', '1'), pushes('failures_', '0')]).toEqual([2, 1, 0]);
  });

  it('that have left or are dead are replaced by the next', async () => {
    const { ring, generators, push } = setUp(3);
    ring.put('g0', { state: 'LEAVING' });
    ring.forget('g1');
    const spans = Array.from({ length: 40 }, (_, trace): [number, number] => [trace, 1]);
    await push(...spans);
    expect(generators.map((generator) => generator.spans.length)).toEqual([0, 0, 40]);
  });

  it('take nothing that belongs to several tenants, and nothing that is no request', async () => {
    const generator = new FakeGenerator();
    const channel = localChannel([generatorPushMethod(generator, silentLogger)]);
    const { bytes } = request([[1, 1]]);
    const path = '/vivace.v1.MetricsGenerator/PushSpans';
    await expect(callOnce(channel, path, bytes, { tenant: 'a|b' as TenantId })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(callOnce(channel, path, Uint8Array.of(0x0a, 0xff), { tenant: TENANT })).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(generator.pushes).toBe(0);
    await callOnce(channel, path, bytes, { tenant: TENANT });
    expect(generator.pushes).toBe(1);
  });

  it('are missed when there is none', async () => {
    const { push, pushes } = setUp(0);
    await expect(push([1, 1])).rejects.toMatchObject({ code: 'unavailable' });
    expect(pushes('failures_', 'none')).toBe(1);
  });
});
