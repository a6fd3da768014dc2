import { encodeUtf8, fnv1a } from '@vivace/bytes';
import { RingView } from './ring-view.ts';
import type { Topology } from './topology.ts';

export interface ShuffleShard {
  readonly tenant: string;
  /** Members of the shard; 0 is no shard but the whole ring, Infinity a shard of all. Never fewer than there are copies; with zones rounded up to the same number in each. */
  readonly size: number;
  /** Members that came, or came back, since then are on top and take nobody's place, so that a read finds what was written without them; undefined for writes. */
  readonly sinceMs?: number | undefined;
}

/**
 * The part of the ring that serves one tenant. The same everywhere, from the members and their tokens alone: a member that joins or leaves changes at
 * most one place of the shards it gets into or was in. Health plays no part in it, so a sick member does not move tenants about.
 */
export function shuffleShard(view: RingView, { tenant, size, sinceMs }: ShuffleShard): RingView {
  const { topology, policy } = view;
  if (size <= 0) return view;
  const atLeast = Math.max(size, policy.replicationFactor);
  const zones = policy.zoneAware ? topology.zoneCount : 1;
  const chosen = new Set<number>();
  // For a read, one that is away may have been away before, and others have had its place.
  const takesPlace = (member: number): boolean => {
    const { state, steadySinceMs } = topology.members[member];
    return sinceMs === undefined || (state === 'ACTIVE' && view.healthy[member] === 1 && steadySinceMs < sinceMs);
  };
  // Where a zone was gone the others had its places.
  const steadyZones = policy.zoneAware ? new Set(topology.zones.filter((_, member) => takesPlace(member))).size : 1;
  const perZone = Math.ceil(atLeast / Math.max(1, steadyZones));
  if (perZone >= topology.members.length) return new RingView(topology, view.healthy, policy, true);
  for (let zone = 0; zone < zones; zone++) {
    const inZone = (member: number): boolean => zones === 1 || topology.zones[member] === zone;
    const name = !policy.zoneAware ? '' : topology.members[topology.zones.indexOf(zone)].zone;
    choose(topology, perZone, inZone, randomOf(`${tenant}\0${name}`), takesPlace, chosen);
  }
  const healthy = Uint8Array.from(
    [...chosen].sort((a, b) => a - b),
    (member) => view.healthy[member],
  );
  return new RingView(topology.only(chosen), healthy, policy, true);
}

/** Throws a dart `count` times and each time takes the first member clockwise that was not taken before, with those on its way that take no place. */
function choose(
  topology: Topology,
  count: number,
  inZone: (member: number) => boolean,
  random: () => number,
  takesPlace: (member: number) => boolean,
  chosen: Set<number>,
): void {
  const { tokens, owners } = topology;
  for (let dart = 0; dart < count; dart++) {
    const start = topology.position(random());
    for (let i = 0; i < tokens.length; i++) {
      const member = owners[(start + i) % tokens.length];
      if (chosen.has(member) || !inZone(member)) continue;
      chosen.add(member);
      if (takesPlace(member)) break;
    }
  }
}

/** Xorshift32 seeded with a name: the same darts in every process. */
function randomOf(name: string): () => number {
  let x = fnv1a(encodeUtf8(name)) || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return Math.imul(x, 0x9e3779b1) >>> 0;
  };
}
