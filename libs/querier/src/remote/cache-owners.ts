import { encodeUtf8, hashBytes } from '@vivace/bytes';

const MAX_KNOWN = 4_096;

/**
 * Which of the queriers keeps the blocks of a job in its caches: the one whose hash with the key is greatest (rendezvous hashing). One that comes takes over its share from all others, one
 * that goes leaves its own to all others, and nothing else moves.
 */
export class CacheOwners {
  readonly #queriers = new Set<string>();
  readonly #known = new Map<string, string>();

  add(querier: string): void {
    this.#queriers.add(querier);
    this.#known.clear();
  }

  remove(querier: string): void {
    this.#queriers.delete(querier);
    this.#known.clear();
  }

  /** Undefined when there are no queriers. */
  ownerOf(key: string): string | undefined {
    let owner = this.#known.get(key);
    if (owner !== undefined) return owner;
    let best = -1;
    for (const querier of this.#queriers) {
      const bytes = encodeUtf8(`${querier}\0${key}`);
      const hash = hashBytes(bytes, 0, bytes.length, 0);
      if (hash < best || (hash === best && querier > owner!)) continue;
      best = hash;
      owner = querier;
    }
    if (owner === undefined) return undefined;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, owner);
    return owner;
  }
}
