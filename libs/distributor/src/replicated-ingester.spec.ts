import { AppError, createMemoryLogger, createMemoryMetrics, silentLogger } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { DEFAULT_SCAN_LIMITS, ProtoWriter, scanExport, ScanResult } from '@vivace/otlp';
import { localChannel } from '@vivace/rpc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ingesterPushMethod } from './ingester-push.ts';
import type { IngesterPort } from './ports.ts';
import { createReplicatedIngester } from './replicated-ingester.ts';
import { ringOf } from './ring.fixture.ts';

const TENANT = 't' as TenantId;

/** A request of spans, each `[trace, span]`, with a name of so many bytes. */
function request(spans: readonly (readonly [number, number, number?])[]): Uint8Array {
  const w = new ProtoWriter(1_024);
  const resource = w.begin(0x0a);
  const scope = w.begin(0x12);
  for (const [trace, span, nameBytes = 0] of spans) {
    const at = w.begin(0x12);
    w.bytes(0x0a, idOf(trace, 16));
    if (nameBytes > 0) w.bytes(0x2a, new Uint8Array(nameBytes).fill(0x61));
    w.bytes(0x12, idOf(span, 8));
    w.end(at);
  }
  w.end(scope);
  w.end(resource);
  return w.result();
}

function idOf(n: number, size: number): Uint8Array {
  const id = new Uint8Array(size);
  id[size - 1] = n & 0xff;
  id[size - 2] = n >> 8;
  id[0] = (n * 37) & 0xff;
  id[1] = 1;
  return id;
}

type Mood = 'well' | 'refuses' | 'hangs';

class FakeIngester implements IngesterPort {
  mood: Mood = 'well';
  /** `trace/span` of all spans taken, copies included. */
  readonly spans: string[] = [];

  async push(_tenant: TenantId, bytes: Uint8Array, scan: ScanResult) {
    if (this.mood === 'refuses') throw new AppError('unavailable', 'ingester is shutting down');
    if (this.mood === 'hangs') await new Promise(() => undefined);
    for (let i = 0; i < scan.spanCount; i++) {
      const id = bytes.subarray(scan.spanTraceIdAt[i], scan.spanTraceIdAt[i] + 16);
      this.spans.push(`${id[14] * 256 + id[15]}/${bytes[scan.spanTo[i] - 1] + bytes[scan.spanTo[i] - 2] * 256}`);
    }
    return { traceTooLarge: 0, tooManyLiveTraces: 0 };
  }
}

function cluster(size: number, replicationFactor: number, extendWrites = true) {
  const ingesters = new Map(Array.from({ length: size }, (_, i): [string, FakeIngester] => [`i${i}`, new FakeIngester()]));
  const ring = ringOf({ name: 'ingester', replicationFactor, extendWrites, members: [...ingesters.keys()].map((id) => ({ id, address: id })) });
  const requestBytes: number[] = [];
  const logger = createMemoryLogger();
  const clock = { ms: 1_000_000, now: () => clock.ms };
  const port = createReplicatedIngester({
    view: () => ring.view(),
    channel(address) {
      const channel = localChannel([ingesterPushMethod(ingesters.get(address)!, silentLogger)]);
      return {
        ask(path, bytes, options) {
          requestBytes.push(bytes.length);
          return channel.ask(path, bytes, options);
        },
      };
    },
    timeoutMs: 30,
    maxPendingBytes: 1_000_000,
    clock,
    logger,
    metrics: createMemoryMetrics(),
  });
  const push = (spans: readonly (readonly [number, number, number?])[]) => {
    const bytes = request(spans);
    const scan = new ScanResult();
    scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
    return port.push(TENANT, bytes, scan);
  };
  return { ring, ingesters, logger, clock, requestBytes, push, all: () => [...ingesters.values()] };
}

const spansOf = (n: number): [number, number][] => Array.from({ length: n }, (_, i) => [i % 17, i]);
const copies = (spans: readonly string[]): Map<string, number> => {
  const count = new Map<string, number>();
  for (const span of spans) count.set(span, (count.get(span) ?? 0) + 1);
  return count;
};

describe('the replicated ingester', () => {
  it('gives every span to as many ingesters as there shall be copies, and a trace to the same ones', async () => {
    for (const [size, factor] of [
      [1, 1],
      [3, 3],
      [7, 3],
      [10, 2],
    ]) {
      const { push, all } = cluster(size, factor);
      await push(spansOf(200));
      await expect.poll(() => all().reduce((sum, x) => sum + x.spans.length, 0)).toBe(200 * factor);
      expect(new Set(copies(all().flatMap((x) => x.spans)).values())).toEqual(new Set([factor]));
      for (let trace = 0; trace < 17; trace++) {
        const holders = all().filter((x) => x.spans.some((s) => s.startsWith(`${trace}/`)));
        expect(holders).toHaveLength(factor);
        for (const { spans } of holders) expect(spans.filter((s) => s.startsWith(`${trace}/`))).toHaveLength(Math.ceil((200 - trace) / 17));
      }
    }
  });

  it('gives a push that is larger than an ingester takes in several requests', async () => {
    const { push, all, requestBytes } = cluster(4, 3);
    const spans = spansOf(40).map(([trace, span]): [number, number, number] => [trace, span, 500_000]);
    await push(spans);
    await expect.poll(() => all().reduce((sum, x) => sum + x.spans.length, 0)).toBe(40 * 3);
    expect(new Set(copies(all().flatMap((x) => x.spans)).values())).toEqual(new Set([3]));
    expect(requestBytes.length).toBeGreaterThan(2 * 3);
    expect(Math.max(...requestBytes)).toBeLessThan(9 * 1024 * 1024);
    all()[0].mood = 'refuses';
    all()[1].mood = 'refuses';
    await expect(push(spans)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('tells of an ingester that fails every push now and then', async () => {
    const { push, all, logger, clock } = cluster(3, 3);
    all()[1].mood = 'refuses';
    for (let i = 0; i < 50; i++) await push(spansOf(1));
    clock.ms += 10_000;
    await push(spansOf(1));
    await expect
      .poll(() => logger.entries.map(({ level, fields }) => [level, fields.ingester, fields.requests]))
      .toEqual([
        ['warn', 'i1', 1],
        ['warn', 'i1', 50],
      ]);
  });

  it('resolves with a quorum, while an ingester hangs', async () => {
    const { push, all } = cluster(3, 3);
    all()[1].mood = 'hangs';
    await push(spansOf(50));
    expect(all().filter((x) => x.spans.length === 50)).toHaveLength(2);
  });

  it('asks the next one on the ring in place of one that fails', async () => {
    const { push, all } = cluster(5, 3);
    all()[0].mood = 'refuses';
    all()[3].mood = 'refuses';
    await push(spansOf(100));
    await expect.poll(() => [...copies(all().flatMap((x) => x.spans)).values()].every((n) => n === 3)).toBe(true);
  });

  it('leaves it at a copy less when writes are not extended', async () => {
    const { ring, push, all } = cluster(5, 3, false);
    all()[0].mood = 'refuses';
    ring.put('i3', { state: 'LEAVING' });
    const outcomes = await Promise.all(
      spansOf(17).map((span) =>
        push([span]).then(
          () => 'acknowledged',
          () => 'refused',
        ),
      ),
    );
    const held = copies(all().flatMap((x) => x.spans));
    const fewer = spansOf(17).map(([trace, span]) => 3 - (held.get(`${trace}/${span}`) ?? 0));
    expect(new Set(fewer), 'of five, three of which any may be the two that are away').toEqual(new Set([0, 1, 2]));
    expect(outcomes).toEqual(fewer.map((n) => (n === 2 ? 'refused' : 'acknowledged')));
  });

  it('is unavailable without a quorum, and says when to come back', async () => {
    const { push, all } = cluster(3, 3);
    all()[0].mood = 'refuses';
    all()[1].mood = 'refuses';
    await expect(push(spansOf(10))).rejects.toMatchObject({
      code: 'unavailable',
      retryAfterMs: 1_000,
      message: expect.stringContaining('shutting down') as string,
    });
    await expect(cluster(0, 3).push(spansOf(1))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('never acknowledges a span that fewer than a quorum have, whoever fails', async () => {
    const moods = fc.constantFrom<Mood>('well', 'well', 'refuses', 'hangs');
    await fc.assert(
      fc.asyncProperty(fc.array(moods, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 3 }), async (who, factor) => {
        const { push, all } = cluster(who.length, factor);
        who.forEach((mood, i) => (all()[i].mood = mood));
        const quorum = Math.floor(factor / 2) + 1;
        const outcome = await push(spansOf(30)).then(
          () => 'acknowledged',
          () => 'refused',
        );
        const count = copies(all().flatMap((x) => x.spans));
        if (outcome === 'acknowledged') for (const [trace, span] of spansOf(30)) expect(count.get(`${trace}/${span}`) ?? 0).toBeGreaterThanOrEqual(quorum);
        else expect(who.filter((mood) => mood === 'well').length).toBeLessThan(quorum);
      }),
      { numRuns: 60 },
    );
  });
});
