interface Broadcast {
  readonly subject: string;
  readonly bytes: Uint8Array;
  sent: number;
}

/** Messages that do not fit are passed over, so many in one `take`: a queue full of large ones must not cost more with every packet. */
const MAX_MISFITS = 64;

/**
 * Messages on their way to everybody. A newer one about the same subject takes the place of the older one, so there are never more than there are
 * nodes and members, and at most `limit` of `maxBytes` together: then the oldest make room.
 */
export class BroadcastQueue {
  readonly #limit: number;
  readonly #maxBytes: number;
  /** In order of arrival. */
  readonly #bySubject = new Map<string, Broadcast>();
  /** By how often they were sent, in each in the order they came to be. */
  readonly #bySent: Set<Broadcast>[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(limit: number, maxBytes: number) {
    this.#limit = limit;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#bySubject.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Owns `bytes` from now on. */
  add(subject: string, bytes: Uint8Array): void {
    const old = this.#bySubject.get(subject);
    if (old) this.#remove(old);
    for (const oldest of this.#bySubject.values()) {
      if (this.length < this.#limit && this.#bytes + bytes.length <= this.#maxBytes) break;
      this.#remove(oldest);
      this.#dropped++;
    }
    const broadcast = { subject, bytes, sent: 0 };
    this.#bySubject.set(subject, broadcast);
    this.#level(0).add(broadcast);
    this.#bytes += bytes.length;
  }

  has(subject: string): boolean {
    return this.#bySubject.has(subject);
  }

  /**
   * As many messages as fit into `maxBytes`, those sent least often first and of those the ones that wait longest, without the ones in `seen`, which they are
   * added to. One sent `transmits` times is done.
   */
  take(maxBytes: number, transmits: number, seen: Set<Uint8Array>): Uint8Array[] {
    const taken: Broadcast[] = [];
    let left = maxBytes;
    let misfits = 0;
    for (const level of this.#bySent) {
      for (const broadcast of level) {
        if (misfits === MAX_MISFITS) break;
        if (seen.has(broadcast.bytes)) continue;
        if (broadcast.bytes.length > left) {
          misfits++;
          continue;
        }
        left -= broadcast.bytes.length;
        seen.add(broadcast.bytes);
        taken.push(broadcast);
      }
    }
    for (const broadcast of taken) this.#count(broadcast, transmits);
    return taken.map(({ bytes }) => bytes);
  }

  #count(broadcast: Broadcast, transmits: number): void {
    if (broadcast.sent + 1 >= transmits) return this.#remove(broadcast);
    this.#level(broadcast.sent).delete(broadcast);
    this.#level(++broadcast.sent).add(broadcast);
  }

  #remove(broadcast: Broadcast): void {
    this.#bySubject.delete(broadcast.subject);
    this.#level(broadcast.sent).delete(broadcast);
    this.#bytes -= broadcast.bytes.length;
  }

  #level(sent: number): Set<Broadcast> {
    return (this.#bySent[sent] ??= new Set());
  }
}
