import { silentLogger } from '@vivace/base';
import { Ring } from '@vivace/ring';

export interface RingOfOptions {
  readonly name: string;
  readonly replicationFactor: number;
  readonly extendWrites?: boolean;
  readonly members: readonly { readonly id: string; readonly address: string }[];
}

/** A ring of healthy members with 64 tokens each, at the time 1,000,000. */
export function ringOf({ name, replicationFactor, extendWrites = true, members }: RingOfOptions): Ring {
  const ring = new Ring({
    name,
    replicationFactor,
    zoneAware: false,
    extendWrites,
    heartbeatTimeoutMs: 60_000,
    forgetAfterMs: 0,
    leftTimeoutMs: 0,
    clock: { now: () => 1_000_000 },
    logger: silentLogger,
  });
  let seed = 1;
  members.forEach(({ id, address }, i) => {
    const tokens = Uint32Array.from({ length: 64 }, () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0)).sort();
    ring.put(id, { state: 'ACTIVE', info: { address, zone: '', registeredMs: i, tokens } });
  });
  return ring;
}
