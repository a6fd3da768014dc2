import { createMemoryLogger, createMemoryMetrics, silentLogger } from '@vivace/base';
import { FakeTime } from '@vivace/testkit';
import { describe, expect, it } from 'vitest';
import { Lifecycler } from './lifecycler.ts';
import type { LifecyclerOptions } from './lifecycler.ts';
import type { Ring } from './ring.ts';
import { registerMemberMetrics, registerRingMetrics } from './ring-metrics.ts';
import { seeded, testRing } from './ring.fixture.ts';

/** Rings of processes that hear of each other at once. */
function cluster(time: FakeTime, count: number): Ring[] {
  const rings = Array.from({ length: count }, () => testRing({ clock: time }));
  for (const ring of rings) ring.onDelta(({ bytes }) => rings.forEach((other) => other !== ring && other.merge(bytes)));
  return rings;
}

function member(ring: Ring, time: FakeTime, options: Partial<LifecyclerOptions> = {}): Lifecycler {
  return new Lifecycler({
    ring,
    id: 'one',
    address: '10.0.0.1:9095',
    zone: '',
    node: '',
    tokenCount: 8,
    heartbeatPeriodMs: 5_000,
    joinAfterMs: 0,
    observePeriodMs: 0,
    unregisterOnShutdown: true,
    random: seeded(1),
    clock: time,
    timers: time,
    logger: silentLogger,
    ...options,
  });
}

describe('Lifecycler', () => {
  it('waits, takes tokens, observes, is active, leaves', async () => {
    const time = new FakeTime();
    const [ring] = cluster(time, 1);
    const one = member(ring, time, { joinAfterMs: 10_000, observePeriodMs: 3_000 });
    const seen: string[] = [];
    ring.onDelta(() => {
      const { state } = ring.entry('one')!.pulse!;
      if (seen.at(-1) !== state) seen.push(state);
    });
    one.start();
    await time.advance(9_000);
    expect(seen).toEqual(['PENDING']);
    expect(one.tokens).toHaveLength(0);
    await time.advance(2_000);
    expect(one.state).toBe('JOINING');
    expect(one.tokens).toHaveLength(8);
    const active = one.active(AbortSignal.timeout(60_000));
    await time.advance(3_000);
    await active;
    one.leave();
    one.stop();
    expect(seen).toEqual(['PENDING', 'JOINING', 'ACTIVE', 'LEAVING', 'LEFT']);
    await time.advance(430_000);
    ring.sweep();
    expect([...ring.entries()]).toEqual([]);
  });

  it('replaces tokens that somebody else has as well, and keeps the others', async () => {
    const time = new FakeTime();
    const [ring] = cluster(time, 1);
    const saved: Uint32Array[] = [];
    ring.put('other', { state: 'ACTIVE', info: { address: '', zone: '', registeredMs: 1, tokens: Uint32Array.of(20, 40) } });
    const one = member(ring, time, { tokens: Uint32Array.of(10, 20, 30), tokenCount: 4, saveTokens: (tokens) => saved.push(tokens), observePeriodMs: 1_000 });
    one.start();
    await time.advance(0);
    ring.put('late', { state: 'JOINING', info: { address: '', zone: '', registeredMs: 1, tokens: Uint32Array.of(30) } });
    await time.advance(2_000);
    expect(one.state).toBe('ACTIVE');
    expect(saved).toHaveLength(2);
    expect([...one.tokens]).toEqual(expect.arrayContaining([10]));
    expect([...one.tokens].some((token) => [20, 30, 40].includes(token))).toBe(false);
    expect(one.tokens).toHaveLength(4);
    expect(ring.entry('one')!.info!.tokens).toEqual(one.tokens);
  });

  it('comes back with its tokens when it starts again, as one that others stood in for', async () => {
    const time = new FakeTime();
    const [ring] = cluster(time, 1);
    const first = member(ring, time, { unregisterOnShutdown: false });
    first.start();
    await time.advance(1);
    const { registeredMs } = ring.entry('one')!.info!;
    first.stop();
    expect(ring.entry('one')!.pulse!.state).toBe('LEAVING');
    await time.advance(30_000);
    const second = member(ring, time, { tokens: first.tokens, random: seeded(9) });
    second.start();
    await time.advance(1);
    expect(second.state).toBe('ACTIVE');
    expect(second.tokens).toEqual(first.tokens);
    expect(ring.entry('one')!.info!.registeredMs).toBe(registeredMs + 30_001);
  });

  it('forgets the dead in every process without a message, and takes them back when they live', async () => {
    const time = new FakeTime();
    const [mine, theirs] = cluster(time, 2);
    member(mine, time, { id: 'one' }).start();
    await time.advance(1);
    const two = member(theirs, time, { id: 'two', random: seeded(2) });
    two.start();
    await time.advance(1);
    const alone = testRing({ clock: time }); // hears nothing from now on
    alone.merge(mine.encode());
    const sweepFor = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i++) {
        await time.advance(1_000);
        alone.sweep();
      }
    };
    await sweepFor(119);
    expect(alone.entry('two')!.pulse!.state).toBe('ACTIVE');
    expect(alone.view().readSet().missing).toHaveLength(2);
    await sweepFor(2);
    expect(alone.entry('two')!.pulse!.state).toBe('LEFT');
    alone.merge(theirs.encode());
    expect(alone.entry('two')!.pulse!.state).toBe('ACTIVE');
    expect(alone.view().members).toHaveLength(2);
  });

  it('registers again when somebody forgot it', async () => {
    const time = new FakeTime();
    const [mine, theirs] = cluster(time, 2);
    const logger = createMemoryLogger();
    const one = member(mine, time, { logger });
    one.start();
    await time.advance(1);
    expect(theirs.forget('one')).toBe(true);
    expect(theirs.forget('one')).toBe(false);
    expect(mine.view().members).toHaveLength(0);
    await time.advance(5_000);
    expect(theirs.view().members).toMatchObject([{ id: 'one', state: 'ACTIVE', registeredMs: time.now() - 1 }]);
    expect(logger.entries.map(({ msg }) => msg)).toContain('was forgotten by others, registering again');
  });

  it('says so when another process has its id', async () => {
    const time = new FakeTime();
    const [mine, theirs] = cluster(time, 2);
    const logger = createMemoryLogger();
    member(mine, time, { logger }).start();
    await time.advance(1);
    member(theirs, time, { address: '10.0.0.2:9095' }).start();
    await time.advance(6_000);
    expect(logger.entries).toContainEqual(expect.objectContaining({ level: 'error', fields: { ring: 'test', member: 'one', address: '10.0.0.2:9095' } }));
  });

  it('repeats only the heartbeat, not the tokens', async () => {
    const time = new FakeTime();
    const [ring] = cluster(time, 1);
    member(ring, time, { tokenCount: 128 }).start();
    await time.advance(1);
    const sizes: number[] = [];
    ring.onDelta(({ bytes }) => sizes.push(bytes.length));
    await time.advance(10_000);
    expect(sizes).toEqual([12, 12]); // id, parts, time and state
  });

  it('stops waiting for it when told to', async () => {
    const time = new FakeTime();
    const one = member(testRing({ clock: time }), time, { joinAfterMs: 1_000 });
    one.start();
    await expect(one.active(AbortSignal.abort())).rejects.toMatchObject({ code: 'canceled' });
  });
});

describe('registerRingMetrics', () => {
  it('counts members by state, the unhealthy ones apart', async () => {
    const time = new FakeTime(1_700_000_000_000);
    const [ring] = cluster(time, 1);
    const metrics = createMemoryMetrics();
    ring.put('sick', { state: 'ACTIVE', info: { address: '', zone: '', registeredMs: 1, tokens: Uint32Array.of(1) } });
    const one = member(ring, time);
    registerRingMetrics(metrics, ring);
    registerMemberMetrics(metrics, ring.name, one);
    one.start();
    await time.advance(70_000);
    ring.put('gone', { state: 'LEFT' });
    metrics.collect();
    const members = (state: string) => metrics.value('tempo_ring_members', { name: 'test', state });
    expect([members('ACTIVE'), members('Unhealthy'), members('LEAVING')]).toEqual([1, 1, 0]);
    expect(metrics.value('tempo_ring_oldest_member_timestamp', { name: 'test', state: 'Unhealthy' })).toBe(1_700_000_000);
    expect(metrics.value('tempo_ring_tokens_total', { name: 'test' })).toBe(9);
    expect(metrics.value('tempo_ring_member_tokens_owned', { name: 'test' })).toBe(8);
    expect(metrics.value('tempo_ring_member_tokens_to_own', { name: 'test' })).toBe(8);
    expect(metrics.value('tempo_ring_member_heartbeats_total', { name: 'test' })).toBe(14);
  });
});
