/** In the order in which equally old states win: whoever leaves has left. */
export const RING_STATES = ['PENDING', 'JOINING', 'ACTIVE', 'LEAVING', 'LEFT'] as const;

/** PENDING waits, JOINING has tokens and looks for conflicts, ACTIVE owns spans, LEAVING hands over, LEFT is a tombstone. */
export type RingState = (typeof RING_STATES)[number];

/** What a member says every few seconds. Others write it only to put a tombstone. */
export interface Pulse {
  /** Of the clock of the writer, and always greater than that of the pulse it replaces. */
  readonly timestampMs: number;
  readonly state: RingState;
}

/** What a member says once, and again when it changes. Only the member itself writes it. */
export interface MemberInfo {
  /** As `timestampMs` of a pulse. */
  readonly versionMs: number;
  /** `host:port` of its gRPC server. */
  readonly address: string;
  /** Empty is none. */
  readonly zone: string;
  /** Name of its node in the gossip, whose death is known long before heartbeats are missed; empty is none. */
  readonly node: string;
  /** When it joined, the last time. */
  readonly registeredMs: number;
  /** Ascending and distinct. */
  readonly tokens: Uint32Array;
}

/**
 * One member: two registers that merge apart from each other, so that a heartbeat need not repeat 128 tokens. In either the newer value
 * wins, and of equally new ones a fixed order decides. That makes merging commutative, associative and idempotent.
 */
export interface RingEntry {
  readonly id: string;
  readonly pulse: Pulse | undefined;
  readonly info: MemberInfo | undefined;
}

/** The result is `mine` itself when `theirs` brings nothing new. */
export function mergeEntry(mine: RingEntry, theirs: RingEntry): RingEntry {
  const pulse = newer(mine.pulse, theirs.pulse, comparePulses);
  const info = newer(mine.info, theirs.info, compareInfos);
  return pulse === mine.pulse && info === mine.info ? mine : { id: mine.id, pulse, info };
}

function newer<T>(mine: T | undefined, theirs: T | undefined, compare: (a: T, b: T) => number): T | undefined {
  if (theirs === undefined) return mine;
  return mine === undefined || compare(theirs, mine) > 0 ? theirs : mine;
}

function comparePulses(a: Pulse, b: Pulse): number {
  return a.timestampMs - b.timestampMs || RING_STATES.indexOf(a.state) - RING_STATES.indexOf(b.state);
}

function compareInfos(a: MemberInfo, b: MemberInfo): number {
  return (
    a.versionMs - b.versionMs ||
    compareTexts(a.address, b.address) ||
    compareTexts(a.zone, b.zone) ||
    compareTexts(a.node, b.node) ||
    a.registeredMs - b.registeredMs ||
    compareTokens(a.tokens, b.tokens)
  );
}

export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareTokens(a: Uint32Array, b: Uint32Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
