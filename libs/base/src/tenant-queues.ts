import type { TenantId } from './ids.ts';

export interface TenantQueuesOptions {
  /** Of what waits and what is worked on, all tenants together. Something larger is taken when there is nothing else. */
  readonly maxBytes: number;
  /** Never rejects. */
  readonly work: (tenant: TenantId, bytes: Uint8Array) => Promise<void>;
  /** Told how many of a tenant wait, whenever that has changed. */
  readonly onLength?: (tenant: TenantId, waiting: number) => void;
}

/** Of one tenant. */
export interface QueueBounds {
  readonly maxWaiting: number;
  /** Worked on at a time. */
  readonly workers: number;
}

interface Queue {
  readonly waiting: Uint8Array[];
  running: number;
  bounds: QueueBounds;
}

/**
 * Work for later, first come first served within a tenant, without one tenant waiting for another. Bounded: what does not fit is refused at once, nobody ever waits to
 * get in. A tenant without work takes no memory.
 */
export class TenantQueues {
  readonly #options: TenantQueuesOptions;
  readonly #queues = new Map<TenantId, Queue>();
  readonly #drained = new Set<() => void>();
  #bytes = 0;

  constructor(options: TenantQueuesOptions) {
    this.#options = options;
  }

  /** False when there is no room for `size` bytes. `take` is called when there is, and gives them for keeps: at most as many. */
  offer(tenant: TenantId, size: number, bounds: QueueBounds, take: () => Uint8Array): boolean {
    if (this.#bytes > 0 && this.#bytes + size > this.#options.maxBytes) return false;
    let queue = this.#queues.get(tenant);
    if (queue && queue.running >= bounds.workers && queue.waiting.length >= bounds.maxWaiting) return false;
    if (!queue) this.#queues.set(tenant, (queue = { waiting: [], running: 0, bounds }));
    queue.bounds = bounds;
    const bytes = take();
    this.#bytes += bytes.length;
    queue.waiting.push(bytes);
    if (queue.running < bounds.workers) void this.#run(tenant, queue);
    else this.#options.onLength?.(tenant, queue.waiting.length);
    return true;
  }

  /** Resolves once there is nothing left to do; when `signal` aborts, what still waits is dropped, and counted in the result. */
  async drain(signal: AbortSignal): Promise<number> {
    if (this.#queues.size > 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#drained.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      this.#drained.delete(resolve);
    }
    let dropped = 0;
    for (const [tenant, { waiting }] of this.#queues) {
      for (const bytes of waiting) this.#bytes -= bytes.length;
      dropped += waiting.length;
      waiting.length = 0;
      this.#options.onLength?.(tenant, 0);
    }
    return dropped;
  }

  async #run(tenant: TenantId, queue: Queue): Promise<void> {
    const { work, onLength } = this.#options;
    queue.running++;
    while (queue.waiting.length > 0 && queue.running <= queue.bounds.workers) {
      const bytes = queue.waiting.shift()!;
      onLength?.(tenant, queue.waiting.length);
      await work(tenant, bytes);
      this.#bytes -= bytes.length;
    }
    if (--queue.running > 0) return;
    this.#queues.delete(tenant);
    if (this.#queues.size === 0) for (const resolve of this.#drained) resolve();
  }
}
