import { randomInt } from 'node:crypto';
import { silentLogger, systemClock } from '@vivace/base';
import type { AppError } from '@vivace/base';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MaxMap } from './cluster.fixture.ts';
import { startMembership } from './start-membership.ts';
import type { MembershipSettings, StartedMembership } from './start-membership.ts';

const started: StartedMembership[] = [];
afterEach(async () => {
  for (const { membership } of started.splice(0)) await membership.stop();
});

async function start(
  settings: Partial<MembershipSettings> = {},
  onFatal: (error: AppError) => void = () => undefined,
): Promise<StartedMembership & { value: MaxMap }> {
  const value = new MaxMap();
  const one = await startMembership(
    {
      nodeName: 'node',
      randomizeNodeName: true,
      clusterLabel: 'test',
      verifyClusterLabel: true,
      secretKeys: [],
      bindHost: '127.0.0.1',
      bindPort: 0,
      advertiseHost: '',
      advertisePort: 0,
      joinMembers: [],
      rejoinSeedNodes: [],
      minJoinBackoffMs: 10,
      maxJoinBackoffMs: 20,
      maxJoinRetries: 3,
      abortIfJoinFails: false,
      abortIfFastJoinFails: false,
      fastJoinMinNodes: 1,
      rejoinIntervalMs: 0,
      gossipIntervalMs: 20,
      gossipNodes: 2,
      gossipToDeadMs: 30_000,
      deadNodeReclaimMs: 0,
      retransmitFactor: 2,
      pushPullIntervalMs: 30_000,
      streamTimeoutMs: 2_000,
      dialTimeoutMs: 2_000,
      maxConcurrentStreams: 3,
      leaveTimeoutMs: 1_000,
      flushTimeoutMs: 1_000,
      ...settings,
    },
    {
      clock: systemClock,
      timers: {
        after(delayMs, run) {
          const timer = setTimeout(run, delayMs);
          return () => clearTimeout(timer);
        },
      },
      random: () => randomInt(2 ** 32),
      logger: silentLogger,
      onFatal,
    },
    { value },
  );
  started.push(one);
  return { ...one, value };
}

const portOf = ({ membership }: StartedMembership): number => membership.roster.self.port;

describe('startMembership', () => {
  it('joins by name, with a name of its own for every run', async () => {
    const first = await start();
    const second = await start({ joinMembers: [`localhost:${portOf(first)}`] });
    await vi.waitFor(() => expect([first, second].map(({ membership }) => membership.roster.size)).toEqual([2, 2]), 10_000);
    expect(first.membership.roster.self.name).toMatch(/^node-[0-9a-f]{8}$/);
    expect(second.membership.roster.self).toMatchObject({ host: '127.0.0.1' });
    first.membership.broadcast('value', first.value.set('x', 1));
    await vi.waitFor(() => expect(second.value.entries.get('x')).toBe(1), 10_000);
  });

  it('keeps out of a cluster with another label', async () => {
    const first = await start();
    const stranger = await start({ clusterLabel: 'other', joinMembers: [`127.0.0.1:${portOf(first)}`] });
    expect(stranger.membership.roster.size).toBe(1);
    await vi.waitFor(() => expect(first.transport.stats.streamsRefused).toBeGreaterThan(0), 10_000);
    expect(first.membership.roster.size).toBe(1);
  });

  it('does not start when it has to join and cannot', async () => {
    const gone = await start();
    const port = portOf(gone);
    await gone.membership.stop();
    await expect(start({ joinMembers: [`127.0.0.1:${port}`], abortIfFastJoinFails: true })).rejects.toThrow(
      `gossip cannot join any of 127.0.0.1:${port} (memberlist.abort_if_cluster_fast_join_fails)`,
    );
  });

  it('is content with itself as the first of a cluster', async () => {
    const probe = await start();
    const port = portOf(probe);
    await probe.membership.stop();
    const fatal: AppError[] = [];
    const first = await start({ bindPort: port, joinMembers: ['127.0.0.1'], abortIfFastJoinFails: true, abortIfJoinFails: true, maxJoinRetries: 1 }, (error) =>
      fatal.push(error),
    );
    expect(first.membership.seedsAnswered).toBe(1);
    await start({ joinMembers: [`127.0.0.1:${port}`] });
    await vi.waitFor(() => expect(first.membership.roster.size).toBe(2), 10_000);
    expect(fatal).toEqual([]);
  });

  it('tells when it has tried often enough', async () => {
    const gone = await start();
    const port = portOf(gone);
    await gone.membership.stop();
    const fatal = Promise.withResolvers<AppError>();
    await start({ joinMembers: [`127.0.0.1:${port}`], abortIfJoinFails: true }, fatal.resolve);
    expect((await fatal.promise).message).toContain('memberlist.abort_if_cluster_join_fails');
  });
});
