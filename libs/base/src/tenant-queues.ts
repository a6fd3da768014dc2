import type { TenantId } from './ids.ts';

export interface TenantQueuesOptions<T> {
  /** Of what waits and what is worked on, all tenants together. Something larger is taken when there is nothing else. */
  readonly maxBytes: number;
  /** Never rejects. */
  readonly work: (tenant: TenantId, item: T) => Promise<void>;
  /** Told how many of a tenant wait, whenever that has changed. */
  readonly onLength?: (tenant: TenantId, waiting: number) => void;
}

/** Of one tenant. */
export interface QueueBounds {
  readonly maxWaiting: number;
  /** Worked on at a time. */
  readonly workers: number;
}

interface Queue<T> {
  readonly waiting: { readonly item: T; readonly size: number }[];
  running: number;
  bounds: QueueBounds;
}

/**
 * Work for later, first come first served within a tenant, without one tenant waiting for another. Bounded: what does not fit is refused at once, nobody ever waits to
 * get in. A tenant without work takes no memory.
 */
export class TenantQueues<T> {
  readonly #options: TenantQueuesOptions<T>;
  readonly #queues = new Map<TenantId, Queue<T>>();
  readonly #drained = new Set<() => void>();
  #bytes = 0;

  constructor(options: TenantQueuesOptions<T>) {
    this.#options = options;
  }

  /** False when there is no room for an item of `size` bytes. `take` is called when there is, and makes it. */
  offer(tenant: TenantId, size: number, bounds: QueueBounds, take: () => T): boolean {
    if (this.#bytes > 0 && this.#bytes + size > this.#options.maxBytes) return false;
    let queue = this.#queues.get(tenant);
    if (queue && queue.running >= bounds.workers && queue.waiting.length >= bounds.maxWaiting) return false;
    if (!queue) this.#queues.set(tenant, (queue = { waiting: [], running: 0, bounds }));
    queue.bounds = bounds;
    queue.waiting.push({ item: take(), size });
    this.#bytes += size;
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
      for (const { size } of waiting) this.#bytes -= size;
      dropped += waiting.length;
      waiting.length = 0;
      this.#options.onLength?.(tenant, 0);
    }
    return dropped;
  }

  async #run(tenant: TenantId, queue: Queue<T>): Promise<void> {
    const { work, onLength } = this.#options;
    queue.running++;
    while (queue.waiting.length > 0 && queue.running <= queue.bounds.workers) {
      const { item, size } = queue.waiting.shift()!;
      onLength?.(tenant, queue.waiting.length);
      await work(tenant, item);
      this.#bytes -= size;
    }
    if (--queue.running > 0) return;
    this.#queues.delete(tenant);
    if (this.#queues.size === 0) for (const resolve of this.#drained) resolve();
  }
}
