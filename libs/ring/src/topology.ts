import type { RingEntry, RingState } from './entry.ts';
import { compareTexts } from './entry.ts';
import { assert } from '@vivace/base';

/** A member that can be found in the ring. */
export interface RingMember {
  readonly id: string;
  readonly address: string;
  readonly zone: string;
  readonly state: RingState;
  readonly registeredMs: number;
  /** Since when spans have gone to it without a break, as far as is known: it may lack those of its share that were written before. */
  readonly steadySinceMs: number;
}

/** Members of a ring at most; their number fits below a token in the 53 bits of a double. */
export const MAX_MEMBERS = 4_096;

/** No member: fills rows that have fewer members than the replication factor. */
export const NO_MEMBER = 0xffff;

/**
 * Who owns which token, without who is healthy. Members are numbered in order of registration. Where two have the same token, the one that
 * registered first owns it, so that every process sees the same owner whatever order it heard of them in.
 */
export class Topology {
  readonly members: readonly RingMember[];
  /** Ascending and distinct; a token owns what lies between its predecessor and itself, inclusive. */
  readonly tokens: Uint32Array;
  /** Member of each token. */
  readonly owners: Uint16Array;
  /** Zone of each member, numbered from 0. */
  readonly zones: Uint16Array;
  readonly zoneCount: number;
  /** Tokens below `bucket << shift`, for each bucket: where a search starts. */
  readonly #starts: Uint32Array;
  readonly #shift: number;

  private constructor(members: readonly RingMember[], tokens: Uint32Array, owners: Uint16Array) {
    this.members = members;
    this.tokens = tokens;
    this.owners = owners;
    this.zones = new Uint16Array(members.length);
    const zones = new Map<string, number>();
    members.forEach(({ zone }, i) => {
      if (!zones.has(zone)) zones.set(zone, zones.size);
      this.zones[i] = zones.get(zone)!;
    });
    this.zoneCount = zones.size;
    this.#shift = 32 - Math.max(1, Math.ceil(Math.log2(tokens.length + 1)));
    this.#starts = startsOf(tokens, this.#shift);
  }

  /** `backMs`: when members came back that could not be written to for a while, by id. */
  static of(entries: Iterable<RingEntry>, excludedZones: ReadonlySet<string>, backMs: ReadonlyMap<string, number>): Topology {
    const found: { member: RingMember; tokens: Uint32Array }[] = [];
    for (const { id, pulse, info } of entries) {
      if (!pulse || !info || pulse.state === 'LEFT' || excludedZones.has(info.zone)) continue;
      const { address, zone, registeredMs, tokens } = info;
      const steadySinceMs = Math.max(registeredMs, backMs.get(id) ?? 0);
      found.push({ member: { id, address, zone, state: pulse.state, registeredMs, steadySinceMs }, tokens });
    }
    assert(found.length <= MAX_MEMBERS, `ring: ${found.length} members, limit ${MAX_MEMBERS}`);
    found.sort((a, b) => a.member.registeredMs - b.member.registeredMs || compareTexts(a.member.id, b.member.id));
    const packed = packTokens(found.map(({ tokens }) => tokens));
    return Topology.#unpack(
      found.map(({ member }) => member),
      packed,
    );
  }

  /** The same ring with only those members whose number is in `keep`; they keep their tokens and get new numbers. */
  only(keep: ReadonlySet<number>): Topology {
    const kept = [...keep].sort((a, b) => a - b);
    const numbers = new Map(kept.map((member, i) => [member, i]));
    const packed: number[] = [];
    for (let i = 0; i < this.tokens.length; i++) {
      const number = numbers.get(this.owners[i]);
      if (number !== undefined) packed.push(this.tokens[i] * MAX_MEMBERS + number);
    }
    return Topology.#unpack(
      kept.map((i) => this.members[i]),
      Float64Array.from(packed),
    );
  }

  /** `packed`: ascending token × MAX_MEMBERS + member; of equal tokens the first counts. */
  static #unpack(members: readonly RingMember[], packed: Float64Array): Topology {
    const tokens = new Uint32Array(packed.length);
    const owners = new Uint16Array(packed.length);
    let n = 0;
    for (const value of packed) {
      const token = Math.floor(value / MAX_MEMBERS);
      if (n > 0 && tokens[n - 1] === token) continue;
      tokens[n] = token;
      owners[n++] = value - token * MAX_MEMBERS;
    }
    return new Topology(members, tokens.slice(0, n), owners.slice(0, n));
  }

  /** Position of the token that owns `token`: the first that is not smaller, round the corner. The ring must not be empty. */
  position(token: number): number {
    const { tokens } = this;
    let at = this.#starts[token >>> this.#shift];
    while (at < tokens.length && tokens[at] < token) at++;
    return at === tokens.length ? 0 : at;
  }
}

function packTokens(lists: readonly Uint32Array[]): Float64Array {
  const packed = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let n = 0;
  lists.forEach((tokens, member) => {
    for (const token of tokens) packed[n++] = token * MAX_MEMBERS + member;
  });
  return packed.sort();
}

function startsOf(tokens: Uint32Array, shift: number): Uint32Array {
  const starts = new Uint32Array(2 ** (32 - shift));
  let at = 0;
  for (let bucket = 0; bucket < starts.length; bucket++) {
    const least = bucket * 2 ** shift;
    while (at < tokens.length && tokens[at] < least) at++;
    starts[bucket] = at;
  }
  return starts;
}
