import type { Clock, Logger } from '@vivace/base';
import { decodeEntries, encodeEntries } from './ring-codec.ts';
import type { MemberInfo, Pulse, RingEntry } from './entry.ts';
import { mergeEntry } from './entry.ts';
import { RingView } from './ring-view.ts';
import type { RingPolicy } from './ring-view.ts';
import { shuffleShard } from './shuffle-shard.ts';
import { MAX_MEMBERS, Topology } from './topology.ts';

export interface RingOptions extends RingPolicy {
  /** Their members get nothing. */
  readonly excludedZones?: readonly string[];
  /** A member is unhealthy when its last heartbeat is older; 0 is never. */
  readonly heartbeatTimeoutMs: number;
  /** Whether gossip takes a node for dead; its member is unhealthy then, without a wait for missing heartbeats. */
  readonly isNodeDead?: (node: string) => boolean;
  /** A member whose last heartbeat is older is forgotten; 0 is never. */
  readonly forgetAfterMs: number;
  /** How long a member that left is remembered on top of `forgetAfterMs`, so that old news cannot bring it back. */
  readonly leftTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One change, as others need it to catch up; a later one of the same `name` makes it worthless. */
export interface Delta {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** That it is not said again every few seconds, as a heartbeat is: it has to reach everybody. */
  readonly once: boolean;
}

/** A description to be; `node` may be left out where there is no gossip. */
export type NewInfo = Omit<MemberInfo, 'versionMs' | 'node'> & { readonly node?: string };

/** Clocks may differ by this; what comes from further in the future is refused, as nothing could replace it for as long. */
const MAX_AHEAD_MS = 600_000;
/** How stale the health in a view may be. */
const HEALTH_MS = 1_000;
const MAX_SHARDS = 1_024;
/** A process whose clock jumps by this, or half a time-out, has been set or stopped: it has not listened meanwhile. */
const MIN_JUMP_MS = 5_000;

/**
 * What this process knows of one ring: a replicated value that merges (see RingEntry), with the views it gives rise to. Shared by gossip, or kept
 * in the process alone when nobody listens to `onDelta`.
 */
export class Ring {
  readonly options: RingOptions;
  readonly #entries = new Map<string, RingEntry>();
  readonly #deltaListeners = new Set<(delta: Delta) => void>();
  readonly #excludedZones: ReadonlySet<string>;
  #topology: Topology | undefined;
  #view: RingView | undefined;
  #healthAtMs = 0;
  readonly #shards = new Map<string, RingView>();
  /** When a heartbeat of a member came, by the clock of this process: those of others may be wrong. */
  readonly #heardMs = new Map<string, number>();
  #lookedMs = Number.NaN;
  /** Members that cannot be written to now, and when others could be again. */
  readonly #away = new Set<string>();
  readonly #backMs = new Map<string, number>();
  #refused = 0;

  constructor(options: RingOptions) {
    this.options = options;
    this.#excludedZones = new Set(options.excludedZones);
  }

  get name(): string {
    return this.options.name;
  }

  /** Members this process would not take: from the future, or over the limit on members. */
  get refused(): number {
    return this.#refused;
  }

  entry(id: string): RingEntry | undefined {
    return this.#entries.get(id);
  }

  /** All that is known, tombstones included, in no order. */
  entries(): Iterable<RingEntry> {
    return this.#entries.values();
  }

  /** The whole state, for `merge` of another process. */
  encode(): Uint8Array {
    return encodeEntries(this.#entries.values());
  }

  /** Takes in a state or a delta; returns what was new, to be passed on. Throws AppError `invalid_argument` and changes nothing when it is malformed. */
  merge(bytes: Uint8Array): Delta[] {
    const deltas: Delta[] = [];
    for (const theirs of decodeEntries(bytes, MAX_MEMBERS)) {
      const known = this.#entries.get(theirs.id);
      if (!this.#acceptable(theirs, known)) continue;
      const merged = known ? mergeEntry(known, theirs) : theirs;
      if (merged === known) continue;
      this.#set(merged);
      deltas.push(...deltasOf(changed(known, merged), known));
    }
    return deltas;
  }

  /** Changes a member and tells the listeners. Only the member itself may write `info`; times are made to follow what is known. */
  put(id: string, part: { readonly state?: Pulse['state']; readonly info?: NewInfo }): void {
    const nowMs = this.#now();
    const known = sane(this.#entries.get(id), nowMs + MAX_AHEAD_MS);
    const pulse = part.state && { state: part.state, timestampMs: Math.max(nowMs, (known?.pulse?.timestampMs ?? 0) + 1) };
    const info = part.info && { node: '', ...part.info, versionMs: Math.max(nowMs, (known?.info?.versionMs ?? 0) + 1) };
    const delta: RingEntry = { id, pulse, info };
    this.#set(known ? mergeEntry(known, delta) : delta);
    for (const one of deltasOf(delta, known)) this.#tell(one);
  }

  /** Removes a member. One that is alive after all comes back with its next heartbeat. False when there is no such member. */
  forget(id: string): boolean {
    const state = this.#entries.get(id)?.pulse?.state;
    if (state === undefined || state === 'LEFT') return false;
    this.put(id, { state: 'LEFT' });
    this.options.logger.info('member forgotten', { ring: this.name, member: id });
    return true;
  }

  /**
   * Notes who is away, for look-backs, forgets those without a heartbeat for too long, and drops tombstones that have served. The tombstone of a dead member is the same whoever puts it, so
   * nobody needs to be told, and older than any sign of life. Call it every second or so in every process.
   */
  sweep(): void {
    const nowMs = this.#now();
    const { forgetAfterMs } = this.options;
    for (const [id, entry] of this.#entries) {
      if (this.#isPast(entry, nowMs)) {
        this.#entries.delete(id);
        this.#heardMs.delete(id);
        this.#away.delete(id);
        this.#backMs.delete(id);
        this.#topology = undefined;
        continue;
      }
      this.#watch(entry, nowMs);
      const silentMs = nowMs - this.#lastMs(entry);
      if (entry.pulse && entry.pulse.state !== 'LEFT' && forgetAfterMs > 0 && silentMs > forgetAfterMs) {
        this.#set({ ...entry, pulse: { timestampMs: entry.pulse.timestampMs + 1, state: 'LEFT' } });
        this.options.logger.warn('member forgotten: no heartbeat', { ring: this.name, member: id, silentMs });
      }
    }
  }

  /** The ring as it is now, with health at most a second old. The same object while nothing changes. */
  view(): RingView {
    const nowMs = this.#now();
    const topology = (this.#topology ??= Topology.of(this.#entries.values(), this.#excludedZones, this.#backMs));
    const old = this.#view;
    if (old?.topology === topology && Math.abs(nowMs - this.#healthAtMs) < HEALTH_MS) return old;
    this.#healthAtMs = nowMs;
    const healthy = Uint8Array.from(topology.members, ({ id }) => (this.isHealthy(this.#entries.get(id)!, nowMs) ? 1 : 0));
    if (old?.topology === topology && healthy.every((value, i) => value === old.healthy[i])) return old;
    this.#shards.clear();
    return (this.#view = new RingView(topology, healthy, this.options));
  }

  /** See `shuffleShard`; with a look-back, the members a tenant's spans may have gone to since then. */
  shard(tenant: string, size: number, lookbackMs = 0): RingView {
    const view = this.view();
    if (size <= 0) return view;
    const key = `${size} ${lookbackMs} ${tenant}`;
    // With a look-back the answer changes as time goes by: kept for as long as a view's health is.
    const sinceMs = lookbackMs > 0 ? Math.floor(this.options.clock.now() / HEALTH_MS) * HEALTH_MS - lookbackMs : undefined;
    const slot = sinceMs === undefined ? key : `${key} ${sinceMs}`;
    let shard = this.#shards.get(slot);
    if (!shard) {
      shard = shuffleShard(view, { tenant, size, sinceMs });
      if (this.#shards.size >= MAX_SHARDS) this.#shards.delete(this.#shards.keys().next().value!);
      this.#shards.set(slot, shard);
    }
    return shard;
  }

  /** Whether a member was heard of in time, its node is not known to be dead, and it is known where it is: heartbeats may come before that. */
  isHealthy(entry: RingEntry, nowMs: number): boolean {
    const { heartbeatTimeoutMs, isNodeDead } = this.options;
    const { pulse, info } = entry;
    if (pulse === undefined || pulse.state === 'LEFT' || info === undefined || (info.node !== '' && isNodeDead?.(info.node))) return false;
    return heartbeatTimeoutMs === 0 || nowMs - this.#lastMs(entry) <= heartbeatTimeoutMs;
  }

  /** Calls `listener` with every change made in this process; what it returns ends that. */
  onDelta(listener: (delta: Delta) => void): () => void {
    this.#deltaListeners.add(listener);
    return () => void this.#deltaListeners.delete(listener);
  }

  /** Now. Of a time in which this process did not listen, nobody was silent. */
  #now(): number {
    const nowMs = this.options.clock.now();
    const jumpMs = nowMs - this.#lookedMs;
    if (jumpMs < 0 || jumpMs > Math.max(MIN_JUMP_MS, this.options.heartbeatTimeoutMs / 2))
      for (const [id, ms] of this.#heardMs) this.#heardMs.set(id, ms + jumpMs);
    this.#lookedMs = nowMs;
    return nowMs;
  }

  /** News of somebody unknown may be old. As long as it is not clear whose clock is wrong, the member is sick at worst. */
  #firstHeardMs({ timestampMs }: Pulse, nowMs: number): number {
    return Math.max(Math.min(nowMs, timestampMs), nowMs - this.options.heartbeatTimeoutMs - 1);
  }

  /** Of the last sign of life. */
  #lastMs({ id, pulse, info }: RingEntry): number {
    return this.#heardMs.get(id) ?? pulse?.timestampMs ?? info?.versionMs ?? 0;
  }

  #acceptable(theirs: RingEntry, known: RingEntry | undefined): boolean {
    const nowMs = this.options.clock.now();
    if (Math.max(theirs.pulse?.timestampMs ?? 0, theirs.info?.versionMs ?? 0) > nowMs + MAX_AHEAD_MS || (!known && this.#entries.size >= MAX_MEMBERS)) {
      this.#refused++;
      return false;
    }
    // Old news of somebody nobody remembers; it would be swept away, and come again.
    return known !== undefined || !this.#isPast(theirs, nowMs);
  }

  /** Whether nothing is left to remember of an entry. */
  #isPast(entry: RingEntry, nowMs: number): boolean {
    const { leftTimeoutMs, forgetAfterMs } = this.options;
    if (forgetAfterMs === 0 && entry.pulse?.state !== 'LEFT') return false;
    return nowMs - this.#lastMs(entry) > forgetAfterMs + leftTimeoutMs;
  }

  #set(entry: RingEntry): void {
    const known = this.#entries.get(entry.id);
    const nowMs = this.#now();
    if (known) this.#watch(known, nowMs);
    if (entry.pulse?.state === 'LEFT') this.#heardMs.delete(entry.id);
    else if (entry.pulse && entry.pulse !== known?.pulse) this.#heardMs.set(entry.id, known?.pulse ? nowMs : this.#firstHeardMs(entry.pulse, nowMs));
    this.#entries.set(entry.id, entry);
    this.#watch(entry, nowMs);
    if (known?.info !== entry.info || known?.pulse?.state !== entry.pulse?.state) this.#topology = undefined;
  }

  /** Spans of a member that cannot be written to go to others, where they stay when it is back. */
  #watch(entry: RingEntry, nowMs: number): void {
    if (entry.pulse?.state !== 'ACTIVE' || !this.isHealthy(entry, nowMs)) this.#away.add(entry.id);
    else if (this.#away.delete(entry.id)) {
      this.#backMs.set(entry.id, nowMs);
      this.#topology = undefined;
    }
  }

  #tell(delta: Delta): void {
    for (const listener of this.#deltaListeners) listener(delta);
  }
}

/** What nobody else has taken in, as it came from a clock that was far ahead, must not hold up what comes from one that is right again. */
function sane(entry: RingEntry | undefined, latestMs: number): RingEntry | undefined {
  if (!entry || Math.max(entry.pulse?.timestampMs ?? 0, entry.info?.versionMs ?? 0) <= latestMs) return entry;
  return {
    id: entry.id,
    pulse: entry.pulse && entry.pulse.timestampMs <= latestMs ? entry.pulse : undefined,
    info: entry.info && entry.info.versionMs <= latestMs ? entry.info : undefined,
  };
}

/** The two registers apart: a heartbeat must not take the place of tokens that are still on their way. */
function deltasOf({ id, pulse, info }: RingEntry, known: RingEntry | undefined): Delta[] {
  const deltas: Delta[] = [];
  if (info) deltas.push({ name: `${id}\0info`, bytes: encodeEntries([{ id, pulse: undefined, info }]), once: true });
  if (pulse) deltas.push({ name: `${id}\0pulse`, bytes: encodeEntries([{ id, pulse, info: undefined }]), once: pulse.state !== known?.pulse?.state });
  return deltas;
}

/** The parts of `merged` that `known` did not have. */
function changed(known: RingEntry | undefined, merged: RingEntry): RingEntry {
  return {
    id: merged.id,
    pulse: merged.pulse === known?.pulse ? undefined : merged.pulse,
    info: merged.info === known?.info ? undefined : merged.info,
  };
}
