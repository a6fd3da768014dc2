import { silentLogger } from '@vivace/base';
import type { Clock } from '@vivace/base';
import type { RingState } from './entry.ts';
import { Ring } from './ring.ts';
import type { RingOptions } from './ring.ts';
import type { RandomUint32 } from './tokens.ts';
import { generateTokens } from './tokens.ts';

/** Mulberry32: the same numbers for the same seed. */
export function seeded(seed: number): RandomUint32 {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

export const fixedClock = (nowMs = 1_700_000_000_000): Clock => ({ now: () => nowMs });

/** A clock that runs as it does for a process that is there: somebody looks at the ring all the while. */
export class RunningClock implements Clock {
  ms = 1_700_000_000_000;
  now = (): number => this.ms;

  pass(ms: number, ring: Ring): void {
    for (const endMs = this.ms + ms; this.ms < endMs; ) {
      this.ms = Math.min(endMs, this.ms + 1_000);
      ring.view();
    }
  }
}

export function testRing(options: Partial<RingOptions> = {}): Ring {
  return new Ring({
    name: 'test',
    replicationFactor: 3,
    zoneAware: false,
    extendWrites: true,
    heartbeatTimeoutMs: 60_000,
    forgetAfterMs: 120_000,
    leftTimeoutMs: 300_000,
    clock: fixedClock(),
    logger: silentLogger,
    ...options,
  });
}

export interface TestMember {
  readonly zone?: string;
  readonly state?: RingState;
  readonly registeredMs?: number;
}

/** Members m0, m1 … with random tokens. */
export function addMembers(ring: Ring, count: number, random: RandomUint32, of: (i: number) => TestMember = () => ({}), tokenCount = 128): void {
  for (let i = 0; i < count; i++) {
    const { zone = '', state = 'ACTIVE', registeredMs = 1_000 + i } = of(i);
    const tokens = generateTokens(tokenCount, new Set(), random);
    ring.put(`m${i}`, { state, info: { address: `10.0.0.${i}:9095`, zone, registeredMs, tokens } });
  }
}
