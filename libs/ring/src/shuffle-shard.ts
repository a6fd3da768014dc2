import { encodeUtf8, fnv1a } from '@vivace/bytes';
import { RingView } from './ring-view.ts';
import type { Topology } from './topology.ts';

export interface ShuffleShard {
  readonly tenant: string;
  /** Members of the shard; 0 or at least as many as there are is the whole ring. Rounded up to the same number in every zone. */
  readonly size: number;
  /** Members registered since then come on top and take nobody's place, so that a read finds what was written before they came; undefined for writes. */
  readonly sinceMs?: number | undefined;
}

/**
 * The part of the ring that serves one tenant. The same everywhere, from the members and their tokens alone: a member that joins or leaves changes at
 * most one place of the shards it gets into or was in. Health plays no part in it, so a sick member does not move tenants about.
 */
export function shuffleShard(view: RingView, { tenant, size, sinceMs = Number.POSITIVE_INFINITY }: ShuffleShard): RingView {
  const { topology } = view;
  if (size <= 0 || size >= topology.members.length) return view;
  const zones = view.policy.zoneAware ? topology.zoneCount : 1;
  const perZone = Math.ceil(size / zones);
  const chosen = new Set<number>();
  for (let zone = 0; zone < zones; zone++) {
    const inZone = (member: number): boolean => zones === 1 || topology.zones[member] === zone;
    const name = zones === 1 ? '' : topology.members[topology.zones.indexOf(zone)].zone;
    choose(topology, perZone, inZone, randomOf(`${tenant}\0${name}`), sinceMs, chosen);
  }
  const healthy = Uint8Array.from(
    [...chosen].sort((a, b) => a - b),
    (member) => view.healthy[member],
  );
  return new RingView(topology.only(chosen), healthy, view.policy);
}

/** Throws a dart `count` times and each time takes the first member clockwise that was not taken before, with the recent ones on its way. */
function choose(topology: Topology, count: number, inZone: (m: number) => boolean, random: () => number, sinceMs: number, chosen: Set<number>): void {
  const { tokens, owners, members } = topology;
  for (let dart = 0; dart < count; dart++) {
    const start = topology.position(random());
    for (let i = 0; i < tokens.length; i++) {
      const member = owners[(start + i) % tokens.length];
      if (chosen.has(member) || !inZone(member)) continue;
      chosen.add(member);
      if (members[member].registeredMs < sinceMs) break;
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
