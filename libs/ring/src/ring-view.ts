import { AppError } from '@vivace/base';
import { NO_MEMBER } from './topology.ts';
import type { RingMember, Topology } from './topology.ts';

export interface RingPolicy {
  /** Names the ring in errors: `ingester`. */
  readonly name: string;
  readonly replicationFactor: number;
  /** Every copy of a span in a zone of its own. */
  readonly zoneAware: boolean;
  /** Whether the next member takes the place of one that cannot be written to; otherwise the write has one chance less. */
  readonly extendWrites: boolean;
}

export interface WriteSet {
  readonly members: readonly RingMember[];
  /** Acknowledgements after which a write is safe. */
  readonly quorum: number;
}

export interface ReadSet {
  /** Those to ask. */
  readonly members: readonly RingMember[];
  /** Those that may hold spans and cannot be asked. */
  readonly missing: readonly RingMember[];
  /** How many of `members` may fail with nothing lost; with zone awareness, of how many zones any number of them, on top of zones of which some are `missing`. */
  readonly spare: number;
  /** Whether nothing is lost when these of `members` fail. */
  tolerates(failed: readonly RingMember[]): boolean;
  /** False: more is missing than copies make up for, and an answer has to say so. */
  readonly complete: boolean;
}

const TAKE = 0;
const SKIP = 1;
const BLOCK = 2;

/**
 * The ring at one moment: who owns what, who is healthy, and what follows for writes and reads. Immutable. A span is written to the
 * `replicationFactor` members clockwise from its token and is safe once ⌊replicationFactor / 2⌋ + 1 of them have it, so reads may miss
 * the rest.
 */
export class RingView {
  readonly topology: Topology;
  readonly policy: RingPolicy;
  readonly quorum: number;
  /** By member, 1 or 0. */
  readonly healthy: Uint8Array;
  /** It is the shard of a tenant, though that may have all members. */
  readonly isShard: boolean;
  #writeRows: Uint16Array | undefined;

  constructor(topology: Topology, healthy: Uint8Array, policy: RingPolicy, isShard = false) {
    this.topology = topology;
    this.healthy = healthy;
    this.policy = policy;
    this.isShard = isShard;
    this.quorum = Math.floor(policy.replicationFactor / 2) + 1;
  }

  get members(): readonly RingMember[] {
    return this.topology.members;
  }

  /** Members that can be written to. */
  get active(): number {
    return this.members.reduce((sum, _, i) => sum + (this.#forWrite(i) === TAKE ? 1 : 0), 0);
  }

  /** The ring as if these members had just become unhealthy. */
  without(ids: ReadonlySet<string>): RingView {
    const healthy = this.healthy.map((mark, i) => (ids.has(this.members[i].id) ? 0 : mark));
    return new RingView(this.topology, healthy, this.policy, this.isShard);
  }

  /**
   * For each of `tokens[0, n)` a row of `replicationFactor` numbers of members to write to, in `out` from `i * replicationFactor`. A row that has fewer
   * ends in NO_MEMBER; one with fewer than `quorum` cannot be written. Allocates nothing but a table, once a view.
   */
  locate(tokens: Uint32Array, n: number, out: Uint16Array): void {
    const width = this.policy.replicationFactor;
    if (this.topology.tokens.length === 0) {
      out.fill(NO_MEMBER, 0, n * width);
      return;
    }
    const rows = (this.#writeRows ??= this.#makeWriteRows());
    for (let i = 0; i < n; i++) {
      const from = this.topology.position(tokens[i]) * width;
      for (let k = 0; k < width; k++) out[i * width + k] = rows[from + k];
    }
  }

  /** Throws AppError `unavailable` when fewer than a quorum can be written to. */
  writeSet(token: number): WriteSet {
    const row = new Uint16Array(this.policy.replicationFactor);
    this.locate(Uint32Array.of(token), 1, row);
    const members = [...row].filter((i) => i !== NO_MEMBER).map((i) => this.members[i]);
    if (members.length < this.quorum) {
      const { name, replicationFactor } = this.policy;
      const found = `${members.length} of ${replicationFactor} replicas can be written to`;
      throw new AppError('unavailable', `${name} ring: ${found}, want at least ${this.quorum} active and healthy members`);
    }
    return { members, quorum: this.quorum };
  }

  /** The healthy active member that owns `token`, for work that has one owner; undefined when there is none. */
  owner(token: number): RingMember | undefined {
    const { tokens, owners } = this.topology;
    if (tokens.length === 0) return undefined;
    const start = this.topology.position(token);
    for (let i = 0; i < tokens.length; i++) {
      const member = owners[(start + i) % tokens.length];
      if (this.#forWrite(member) === TAKE) return this.members[member];
    }
    return undefined;
  }

  /** Whether `id` is the owner of `token`. */
  owns(id: string, token: number): boolean {
    return this.owner(token)?.id === id;
  }

  /**
   * Everybody a trace with this token may have been written to since `sinceMs`: a superset of its write sets, now and while members were away or had not come yet.
   * Spans stay where they were written. In a shard it is everybody: one that takes the place of a member that left may come before others that have the trace, and so
   * may those of a larger shard. With one copy it is everybody, too: whoever cannot take a span, its disk being full, is replaced by the next one, and stays in the ring.
   */
  readSetOf(token: number, sinceMs: number = Number.POSITIVE_INFINITY): ReadSet {
    if (this.isShard || this.policy.replicationFactor === 1) return this.readSet();
    const { tokens, owners, zones } = this.topology;
    const found = new Set<number>();
    const zonesDone = new Set<number>();
    const start = tokens.length === 0 ? 0 : this.topology.position(token);
    let written = 0;
    for (let i = 0; i < tokens.length && written < this.policy.replicationFactor; i++) {
      const member = owners[(start + i) % tokens.length];
      if (found.has(member) || (this.policy.zoneAware && zonesDone.has(zones[member]))) continue;
      found.add(member);
      // Whether writes are extended is for the writer to say.
      if (this.#forWrite(member) !== TAKE || this.members[member].steadySinceMs > sinceMs) continue;
      written++;
      zonesDone.add(zones[member]);
    }
    return this.#readSet(found);
  }

  /** Every member that may hold spans. */
  readSet(): ReadSet {
    return this.#readSet(this.members.keys());
  }

  #readSet(numbers: Iterable<number>): ReadSet {
    const members: RingMember[] = [];
    const missing: RingMember[] = [];
    for (const i of numbers) {
      const member = this.members[i];
      if (member.state !== 'PENDING') (this.healthy[i] === 1 ? members : missing).push(member);
    }
    const { zoneAware } = this.policy;
    const placesOf = (list: readonly RingMember[]): number => (zoneAware ? new Set(list.map(({ zone }) => zone)).size : list.length);
    // Where fewer are known than there are copies, others hold them: they have not been heard of yet, or were forgotten.
    const unknown = Math.max(0, this.policy.replicationFactor - placesOf([...members, ...missing]));
    const spare = this.policy.replicationFactor - this.quorum - placesOf(missing) - unknown;
    return {
      members,
      missing,
      spare: Math.max(0, spare),
      // A zone of which one is missing is done without already.
      tolerates: (failed) => placesOf([...missing, ...failed]) - placesOf(missing) <= spare,
      complete: spare >= 0,
    };
  }

  #forWrite(member: number): typeof TAKE | typeof SKIP | typeof BLOCK {
    if (this.members[member].state === 'ACTIVE' && this.healthy[member] === 1) return TAKE;
    return this.policy.extendWrites || this.members[member].state === 'JOINING' || this.members[member].state === 'PENDING' ? SKIP : BLOCK;
  }

  /** The write row of every position of the ring: a walk clockwise from it that takes each member, and with zones each zone, once. */
  #makeWriteRows(): Uint16Array {
    const { members, tokens, owners, zones } = this.topology;
    const width = this.policy.replicationFactor;
    const use = Uint8Array.from(members, (_, i) => this.#forWrite(i));
    // A walk is over once every slot is used up, or everybody who could use one is.
    const counted = [...new Set(owners)].filter((i) => use[i] !== SKIP);
    const slots = Math.min(width, this.policy.zoneAware ? new Set(counted.map((i) => zones[i])).size : counted.length);
    const rows = new Uint16Array(tokens.length * width).fill(NO_MEMBER);
    const memberSeen = new Uint32Array(members.length);
    const zoneSeen = new Uint32Array(this.topology.zoneCount);
    for (let start = 0; start < tokens.length; start++) {
      const stamp = start + 1;
      let used = 0;
      let taken = start * width;
      for (let at = start; used < slots; at = at + 1 === tokens.length ? 0 : at + 1) {
        const member = owners[at];
        if (memberSeen[member] === stamp || use[member] === SKIP) continue;
        if (this.policy.zoneAware && zoneSeen[zones[member]] === stamp) continue;
        memberSeen[member] = stamp;
        zoneSeen[zones[member]] = stamp;
        used++;
        if (use[member] === TAKE) rows[taken++] = member;
      }
    }
    return rows;
  }
}
