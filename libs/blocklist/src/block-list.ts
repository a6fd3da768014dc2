import { AppError, parseTenantId } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import { isReadable, parseBlockMeta } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { mapBounded } from './map-bounded.ts';

export interface BlockListDeps {
  readonly store: ObjectStore;
  /** `storage.trace.blocklist_poll` */
  readonly pollMs: number;
  /** `storage.trace.blocklist_poll_concurrency`: meta files read at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** The blocks of the object store, as far as this process knows: what it has polled, and what it has been told. */
export interface BlockList {
  /** Polls once, then every `pollMs`. Rejects when the store cannot be listed. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  poll(signal?: AbortSignal): Promise<void>;
  /** A block that is complete in the store, before the next poll finds it. */
  announce(meta: BlockMeta): void;
  /** Blocks with a span in [startSec, endSec], newest first. The answer is a new array. */
  blocksInRange(tenant: TenantId, startSec: number, endSec: number): readonly BlockMeta[];
}

export function createBlockList(deps: BlockListDeps): BlockList {
  return new PolledBlockList(deps);
}

const META = 'meta.json';
const BLOCK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

class PolledBlockList implements BlockList {
  readonly #deps: BlockListDeps;
  readonly #metrics: ReturnType<typeof createMetrics>;
  readonly #blocks = new Map<TenantId, Map<string, BlockMeta>>();
  /** Blocks announced while a poll was under way, which may have listed the store before they were there. */
  readonly #announced = new Set<string>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;

  constructor(deps: BlockListDeps) {
    this.#deps = deps;
    this.#metrics = createMetrics(deps.metrics);
  }

  async start(signal?: AbortSignal): Promise<void> {
    await this.poll(signal);
    this.#schedule();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping.abort();
    await this.#polling?.catch(() => undefined);
  }

  poll(signal?: AbortSignal): Promise<void> {
    const signals = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal;
    this.#polling ??= this.#pollTenants(signals).finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  announce(meta: BlockMeta): void {
    const tenant = parseTenantId(meta.tenantId);
    if (tenant === undefined) throw new AppError('internal', `block ${meta.blockId}: tenant ${JSON.stringify(meta.tenantId)} is not valid`);
    if (this.#polling) this.#announced.add(meta.blockId);
    let blocks = this.#blocks.get(tenant);
    if (!blocks) this.#blocks.set(tenant, (blocks = new Map<string, BlockMeta>()));
    blocks.set(meta.blockId, meta);
    this.#metrics.length.with({ tenant }).set(blocks.size);
  }

  blocksInRange(tenant: TenantId, startSec: number, endSec: number): readonly BlockMeta[] {
    const found: BlockMeta[] = [];
    for (const meta of this.#blocks.get(tenant)?.values() ?? []) {
      if (meta.endMs >= startSec * 1_000 && meta.startMs <= endSec * 1_000) found.push(meta);
    }
    return found.sort(newestFirst);
  }

  #schedule(): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.poll()
        .catch((reason: unknown) => {
          if (!this.#stopping.signal.aborted) this.#deps.logger.error('block list could not be polled, the last one is kept', { err: reason });
        })
        .finally(() => this.#schedule());
    }, this.#deps.pollMs);
    this.#timer.unref();
  }

  async #pollTenants(signal: AbortSignal): Promise<void> {
    const fromMs = this.#deps.clock.now();
    const tenants = (await this.#deps.store.listFolders('', signal)).map(parseTenantId).filter((tenant) => tenant !== undefined);
    for (const tenant of tenants) await this.#pollTenant(tenant, signal);
    const gone = [...this.#blocks.keys()].filter((tenant) => !tenants.includes(tenant));
    for (const tenant of gone) this.#replace(tenant, new Map());
    this.#announced.clear();
    this.#metrics.seconds.observe((this.#deps.clock.now() - fromMs) / 1_000);
  }

  /** A block whose meta.json cannot be read is left out (a known one stays), counted and logged; the others of the tenant stay visible. */
  async #pollTenant(tenant: TenantId, signal: AbortSignal): Promise<void> {
    const before = this.#blocks.get(tenant);
    const after = new Map<string, BlockMeta>();
    const ids = (await this.#deps.store.listFolders(`${tenant}/`, signal)).filter((id) => BLOCK_ID.test(id));
    await mapBounded(ids, this.#deps.concurrency, async (id) => {
      const known = before?.get(id);
      const key = `${tenant}/${id}/${META}`;
      try {
        // A block never changes, but it may have been compacted away: its meta.json is then gone.
        const isThere = known === undefined || (await this.#deps.store.stat(key, signal)) !== undefined;
        const meta = isThere ? (known ?? (await this.#read(key, signal))) : undefined;
        if (meta) after.set(id, meta);
      } catch (reason) {
        if (signal.aborted) throw reason;
        if (known) after.set(id, known);
        this.#metrics.errors.with({ tenant }).inc();
        this.#deps.logger.error(known ? 'meta.json cannot be asked for' : 'block is hidden because its meta.json cannot be read', {
          tenant,
          block: id,
          err: reason,
        });
      }
    });
    this.#replace(tenant, after);
  }

  /** Undefined for a block that is not complete yet, or that only a newer version can read. */
  async #read(key: string, signal: AbortSignal): Promise<BlockMeta | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#deps.store.get(key, signal);
    } catch (reason) {
      if (reason instanceof AppError && reason.code === 'not_found') return undefined;
      throw reason;
    }
    const meta = parseBlockMeta(new TextDecoder().decode(bytes), key);
    if (!isReadable(meta)) throw new AppError('unimplemented', `${key}: format ${JSON.stringify(meta.format)} cannot be read, want vParquet4`);
    return meta;
  }

  #replace(tenant: TenantId, blocks: Map<string, BlockMeta>): void {
    for (const [id, meta] of this.#blocks.get(tenant) ?? []) if (this.#announced.has(id)) blocks.set(id, meta);
    this.#metrics.length.with({ tenant }).set(blocks.size);
    if (blocks.size === 0) this.#blocks.delete(tenant);
    else this.#blocks.set(tenant, blocks);
  }
}

function newestFirst(a: BlockMeta, b: BlockMeta): number {
  return b.endMs - a.endMs || (a.blockId < b.blockId ? -1 : 1);
}

function createMetrics(metrics: MetricsRegistry) {
  return {
    length: metrics.gauge('tempodb_blocklist_length', 'Blocks of the tenant that queries can see.', ['tenant']),
    errors: metrics.counter('tempodb_blocklist_poll_errors_total', 'Times that the meta.json of a block could not be read.', ['tenant']),
    seconds: metrics.histogram('tempodb_blocklist_poll_duration_seconds', 'Time of one poll of all tenants.', [], {
      buckets: [0.01, 0.1, 1, 5, 15, 60, 240],
    }),
  };
}
