import type { Address } from './message.ts';

/** A value every node has a copy of. Merging must be commutative, associative and idempotent. */
export interface Replicated {
  /** The whole value. */
  encode(): Uint8Array;
  /** Takes in a whole value or a part; returns what was new. Throws when it is malformed. */
  merge(bytes: Uint8Array): readonly Delta[];
}

/** A part of a value; a later one of the same name makes it worthless. */
export interface Delta {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** That it is not said again every few seconds, as a heartbeat is: it goes out more often. */
  readonly once: boolean;
}

/** `memberlist.*`, with the names of Tempo where it has them. */
export interface MembershipOptions {
  readonly name: string;
  readonly advertiseHost: string;
  /** 0 is the port that is listened on. */
  readonly advertisePort: number;
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  readonly indirectProbes: number;
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  readonly gossipToDeadMs: number;
  readonly deadNodeReclaimMs: number;
  readonly retransmitFactor: number;
  readonly pushPullIntervalMs: number;
  readonly streamTimeoutMs: number;
  /** Of one packet, headers of UDP and IP not counted. */
  readonly packetBytes: number;
  readonly maxConcurrentStreams: number;
  readonly leaveTimeoutMs: number;
  readonly flushTimeoutMs: number;
  readonly join: JoinOptions;
}

export interface JoinOptions {
  /** Now, from names; called anew every time. Never rejects. */
  readonly seeds: (signal: AbortSignal) => Promise<readonly Address[]>;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  /** Attempts before `onFailed`; trying goes on at the longest wait. */
  readonly maxRetries: number;
  readonly onFailed: () => void;
  /** Joins again every so often; 0 is only when alone. */
  readonly rejoinIntervalMs: number;
}
