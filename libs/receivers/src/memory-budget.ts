import { AppError } from '@vivace/base';
import type { Logger } from '@vivace/base';

/** What one request holds of a budget. */
export interface Lease {
  /** Holds `bytes` more. Throws `resource_exhausted`, so that the sender comes back later, when others hold so much that there is no room. */
  take(bytes: number): void;
  /** Gives back everything; once. */
  release(): void;
}

const RETRY_AFTER_MS = 1_000;
const KEY = 'distributor.max_pending_bytes';

/**
 * The bytes of all requests from their arrival to their answer, over all connections: more than can be worked on must not become a queue that grows
 * until memory is gone. What is too large for the budget is taken alone, since other limits are for the size of a request.
 */
export class MemoryBudget {
  readonly #maxBytes: number;
  readonly #logger: Logger;
  #held = 0;
  #isFull = false;

  constructor(maxBytes: number, logger: Logger) {
    this.#maxBytes = maxBytes;
    this.#logger = logger;
  }

  lease(): Lease {
    let own = 0;
    return {
      take: (bytes) => {
        this.#take(bytes, own);
        own += bytes;
      },
      release: () => this.#give(own),
    };
  }

  #take(bytes: number, own: number): void {
    const others = this.#held - own;
    if (others > 0 && this.#held + bytes > this.#maxBytes) {
      const message = `receivers hold ${this.#held} bytes of requests already, limit ${KEY} ${this.#maxBytes}`;
      if (!this.#isFull) this.#logger.warn('requests are refused: more arrives than is worked on', { heldBytes: this.#held, limit: this.#maxBytes, key: KEY });
      this.#isFull = true;
      throw new AppError('resource_exhausted', message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#held += bytes;
  }

  #give(bytes: number): void {
    this.#held -= bytes;
    if (!this.#isFull || this.#held > this.#maxBytes / 2) return;
    this.#isFull = false;
    this.#logger.info('requests are taken again');
  }
}
