import os from 'node:os';
import { AppError } from '@vivace/base';
import type { Clock, Logger, Timers } from '@vivace/base';
import { advertisedHost } from './advertised-host.ts';
import { Envelope } from './envelope.ts';
import { Membership } from './membership.ts';
import type { Replicated } from './membership-options.ts';
import { NodeTransport } from './node-transport.ts';
import type { RandomUint32 } from './random.ts';
import { resolveSeeds, systemResolver } from './seeds.ts';
import type { Transport } from './transport.ts';

/** `memberlist.*` of the configuration, as far as it works here. */
export interface MembershipSettings {
  /** Empty is the host name. */
  readonly nodeName: string;
  readonly randomizeNodeName: boolean;
  readonly clusterLabel: string;
  readonly verifyClusterLabel: boolean;
  /** Of 32 bytes; see Envelope. */
  readonly secretKeys: readonly Uint8Array[];
  /** Empty is all addresses. */
  readonly bindHost: string;
  readonly bindPort: number;
  /** Empty is found from the interfaces. */
  readonly advertiseHost: string;
  readonly advertisePort: number;
  readonly joinMembers: readonly string[];
  /** Empty is `joinMembers`. */
  readonly rejoinSeedNodes: readonly string[];
  readonly minJoinBackoffMs: number;
  readonly maxJoinBackoffMs: number;
  readonly maxJoinRetries: number;
  readonly abortIfJoinFails: boolean;
  readonly abortIfFastJoinFails: boolean;
  readonly fastJoinMinNodes: number;
  /** 0 is only when alone. */
  readonly rejoinIntervalMs: number;
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  readonly gossipToDeadMs: number;
  /** 0 is when a dead node gets no more gossip. */
  readonly deadNodeReclaimMs: number;
  readonly retransmitFactor: number;
  readonly pushPullIntervalMs: number;
  readonly streamTimeoutMs: number;
  readonly dialTimeoutMs: number;
  readonly maxConcurrentStreams: number;
  readonly leaveTimeoutMs: number;
  readonly flushTimeoutMs: number;
}

export interface StartDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomUint32;
  readonly logger: Logger;
  /** Called when joining has failed for good and the settings ask for the end of the process. */
  readonly onFatal: (error: AppError) => void;
}

export interface StartedMembership {
  readonly membership: Membership;
  readonly transport: Transport;
}

/** No key of Tempo names these: what SWIM over UDP needs on a local network. */
const PROBE_INTERVAL_MS = 1_000;
const PROBE_TIMEOUT_MS = 500;
const INDIRECT_PROBES = 3;
/** Fits into an Ethernet frame with the headers of IPv6 and of a tunnel. */
const PACKET_BYTES = 1_400;

/** Gossip on real sockets. Throws AppError `unavailable` when it cannot listen, or has to join and cannot. */
export async function startMembership(
  settings: MembershipSettings,
  { clock, timers, random, logger, onFatal }: StartDeps,
  values: Readonly<Record<string, Replicated>>,
): Promise<StartedMembership> {
  const { joinMembers, bindHost } = settings;
  const transport = new NodeTransport({ ...settings, bindHost: bindHost || '0.0.0.0', timers });
  const seedPort = settings.bindPort || settings.advertisePort;
  const failed = (): void => {
    if (settings.abortIfJoinFails) onFatal(cannotJoin(joinMembers, 'memberlist.abort_if_cluster_join_fails'));
  };
  let joinedBefore = false;
  const membership = await Membership.start(
    {
      ...settings,
      name: nodeName(settings, random),
      advertiseHost: advertisedHost({
        configured: settings.advertiseHost || (isWildcard(bindHost) ? '' : bindHost),
        interfaceNames: [],
        ipv6: bindHost.includes(':'),
        interfaces: os.networkInterfaces(),
      }),
      probeIntervalMs: PROBE_INTERVAL_MS,
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      indirectProbes: INDIRECT_PROBES,
      packetBytes: PACKET_BYTES,
      join: {
        seeds: () => {
          const names = joinedBefore && settings.rejoinSeedNodes.length > 0 ? settings.rejoinSeedNodes : joinMembers;
          joinedBefore = true;
          return resolveSeeds(names, seedPort, systemResolver, logger);
        },
        minBackoffMs: settings.minJoinBackoffMs,
        maxBackoffMs: settings.maxJoinBackoffMs,
        maxRetries: settings.maxJoinRetries,
        rejoinIntervalMs: settings.rejoinIntervalMs,
        onFailed: failed,
      },
    },
    {
      transport,
      envelope: new Envelope({ label: settings.clusterLabel, verifyLabel: settings.verifyClusterLabel, keys: settings.secretKeys }),
      clock,
      timers,
      random,
      logger,
    },
    values,
  );
  if (settings.abortIfFastJoinFails && joinMembers.length > 0 && membership.seedsAnswered < settings.fastJoinMinNodes) {
    await membership.stop();
    throw cannotJoin(joinMembers, 'memberlist.abort_if_cluster_fast_join_fails');
  }
  return { membership, transport };
}

function cannotJoin(members: readonly string[], key: string): AppError {
  return new AppError('unavailable', `gossip cannot join any of ${members.join(', ')} (${key})`);
}

function nodeName({ nodeName: name, randomizeNodeName }: MembershipSettings, random: RandomUint32): string {
  const base = name || os.hostname();
  return randomizeNodeName ? `${base}-${random().toString(16).padStart(8, '0')}` : base;
}

function isWildcard(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::';
}
