import { AppError, parseTenantId } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import { isReadable } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { createBlockListMetrics } from './block-list-metrics.ts';
import { deleteEmptyTenant } from './empty-tenant.ts';
import { divideHeld } from './held-blocks.ts';
import { listTenant } from './list-tenant.ts';
import { mapBounded } from './map-bounded.ts';
import { readIndex, removeIndex, writeIndex } from './stored-index.ts';
import type { TenantIndex } from './tenant-index.ts';
import { visibleBlocks } from './visible-blocks.ts';
import type { TenantBlocks } from './visible-blocks.ts';

export interface BlockListConfig {
  /** `storage.trace.blocklist_poll` */
  readonly pollMs: number;
  /** `storage.trace.blocklist_poll_jitter_ms`: a random wait up to this is added, so that processes do not poll in step. */
  readonly jitterMs: number;
  /** `storage.trace.blocklist_poll_concurrency`: meta files read at once. */
  readonly concurrency: number;
  /** `storage.trace.blocklist_poll_tenant_concurrency`: tenants polled at once. */
  readonly tenantConcurrency: number;
  /** `storage.trace.blocklist_poll_fallback`: list the blocks where there is no index to read. */
  readonly fallback: boolean;
  /** `storage.trace.blocklist_poll_stale_tenant_index`: an older index counts as none; 0 is any age. */
  readonly maxIndexAgeMs: number;
  /** `storage.trace.blocklist_poll_tolerate_consecutive_errors`: how often a tenant that fails is tried again in the same poll. */
  readonly toleratedErrors: number;
  /** `storage.trace.blocklist_poll_tolerate_tenant_failures`: with more tenants that fail, a poll has failed, and no further tenants are polled. */
  readonly toleratedTenants: number;
  /** `storage.trace.empty_tenant_deletion_*`: what is left of a tenant without blocks is deleted when nothing of it is younger; undefined: never. */
  readonly emptyTenantAgeMs: number | undefined;
}

export interface BlockListDeps {
  readonly store: ObjectStore;
  readonly config: BlockListConfig;
  /** Whether this process lists the blocks of the tenant and writes its index now; the others read that. */
  readonly buildsIndex: (tenant: TenantId) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** The blocks of the object store, as far as this process knows: what it has polled, and what it has been told. */
export interface BlockList {
  /** Polls once, then every `pollMs`. Rejects when that first poll fails. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /** Polls all tenants; rejects with the first failure when more fail than are tolerated. A tenant that fails keeps its last list. */
  poll(signal?: AbortSignal): Promise<void>;
  /** A block that is complete in the store, before the next poll finds it. Blocks that it names as its sources are hidden in the same turn. */
  announce(meta: BlockMeta): void;
  /** A block that was marked as compacted or deleted, before the next poll finds that. */
  forget(tenant: TenantId, blockId: string): void;
  /** Blocks with a span in [startSec, endSec], newest first. The answer is a new array. Throws `unavailable` before the first poll, and of a tenant that was never polled without failure: nothing known is not nothing there. */
  blocksInRange(tenant: TenantId, startSec: number, endSec: number): readonly BlockMeta[];
  /** Ids of all blocks whose spans lie in a visible block, its own among them. */
  coveredBlocks(tenant: TenantId): readonly string[];
  /**
   * For when blocks cannot be read, but what was in the blocks `held` when they were written can be asked elsewhere: `blocksInRange` and `coveredBlocks` without what is to be asked there. What is
   * merged counts as what it was made of.
   */
  withoutHeld(
    tenant: TenantId,
    startSec: number,
    endSec: number,
    held: ReadonlySet<string>,
  ): { readonly blocks: readonly BlockMeta[]; readonly covered: readonly string[] };
  /** Live and compacted blocks of a tenant, for compaction and retention. */
  blocksOf(tenant: TenantId): TenantBlocks;
  /** Tenants with a block, or an index that this process removed. */
  tenants(): readonly TenantId[];
}

export function createBlockList(deps: BlockListDeps): BlockList {
  return new PolledBlockList(deps);
}

const NOTHING: TenantBlocks = { live: new Map(), compacted: new Map() };
/** Clocks of processes may differ by so much, and a listing takes its time. */
const CLOCK_SLACK_MS = 60_000;
const FIRST_POLL_RETRY_MS = 1_000;
/** A compacted block is asked for so many polls: by then its successor is known everywhere. */
const GRACE_POLLS = 2;
/** However often is polled: what a poll itself may take. */
const MIN_GRACE_MS = 30_000;

interface Tenant extends TenantBlocks {
  readonly visible: readonly BlockMeta[];
  /** What the stored index holds, as far as this process wrote or read it. */
  readonly stored: TenantIndex | undefined;
}

class PolledBlockList implements BlockList {
  readonly #deps: BlockListDeps;
  readonly #metrics: ReturnType<typeof createBlockListMetrics>;
  readonly #tenants = new Map<TenantId, Tenant>();
  /** Announced blocks, and when: they stay until a poll can have seen them. */
  readonly #announced = new Map<string, { readonly meta: BlockMeta; readonly tenant: TenantId; readonly ms: number }>();
  /** Tenants whose index was read back as this process wrote it: see `#isStored`. */
  readonly #settled = new Set<TenantId>();
  /** Blocks whose meta cannot be read: logged once. */
  readonly #bad = new Set<string>();
  /** Tenants that were polled once, and those that are there and were not. */
  readonly #listed = new Set<TenantId>();
  readonly #unknown = new Set<TenantId>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #hasPolled = false;

  constructor(deps: BlockListDeps) {
    this.#deps = deps;
    this.#metrics = createBlockListMetrics(deps.metrics);
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
    this.#announced.set(meta.blockId, { meta, tenant, ms: this.#deps.clock.now() });
    const { live, compacted, stored } = this.#tenants.get(tenant) ?? { ...NOTHING, stored: undefined };
    this.#set(tenant, { live: new Map([...live, [meta.blockId, meta]]), compacted }, stored);
  }

  forget(tenant: TenantId, blockId: string): void {
    const known = this.#tenants.get(tenant);
    this.#announced.delete(blockId);
    if (!known?.live.has(blockId)) return;
    const live = new Map(known.live);
    live.delete(blockId);
    this.#set(tenant, { live, compacted: known.compacted }, known.stored);
  }

  blocksInRange(tenant: TenantId, startSec: number, endSec: number): readonly BlockMeta[] {
    if (!this.#hasPolled) throw new AppError('unavailable', 'the list of blocks is being read for the first time', { retryAfterMs: FIRST_POLL_RETRY_MS });
    if (this.#unknown.has(tenant))
      throw new AppError('unavailable', `the blocks of tenant ${tenant} could not be listed yet`, { retryAfterMs: FIRST_POLL_RETRY_MS });
    const visible = this.#tenants.get(tenant)?.visible ?? [];
    return visible.filter((meta) => overlaps(meta, startSec, endSec)).sort(newestFirst);
  }

  coveredBlocks(tenant: TenantId): readonly string[] {
    const { live, compacted } = this.blocksOf(tenant);
    const ids = new Set([...live.keys(), ...compacted.keys()]);
    for (const { compactedFrom } of live.values()) for (const id of compactedFrom) ids.add(id);
    for (const { meta } of compacted.values()) for (const id of meta.compactedFrom) ids.add(id);
    return [...ids];
  }

  withoutHeld(tenant: TenantId, startSec: number, endSec: number, held: ReadonlySet<string>) {
    const inRange = (meta: BlockMeta): boolean => overlaps(meta, startSec, endSec);
    const { blocks, elsewhere } = divideHeld(this.blocksOf(tenant), this.blocksInRange(tenant, startSec, endSec), held, inRange);
    return { blocks, covered: this.coveredBlocks(tenant).filter((id) => !elsewhere.has(id)) };
  }

  blocksOf(tenant: TenantId): TenantBlocks {
    return this.#tenants.get(tenant) ?? NOTHING;
  }

  tenants(): readonly TenantId[] {
    return [...this.#tenants.keys()];
  }

  #schedule(): void {
    if (this.#stopping.signal.aborted) return;
    const { pollMs, jitterMs } = this.#deps.config;
    this.#timer = setTimeout(
      () => {
        this.poll()
          .catch((reason: unknown) => {
            if (!this.#stopping.signal.aborted) this.#deps.logger.error('block list could not be polled, the last one is kept', { err: reason });
          })
          .finally(() => this.#schedule());
      },
      pollMs + this.#deps.random() * jitterMs,
    );
    this.#timer.unref();
  }

  async #pollTenants(signal: AbortSignal): Promise<void> {
    const { store, clock, config } = this.#deps;
    const fromMs = clock.now();
    const tenants = (await store.listFolders('', signal)).map(parseTenantId).filter((tenant) => tenant !== undefined);
    const failures: unknown[] = [];
    await mapBounded(tenants, config.tenantConcurrency, async (tenant) => {
      // More would only burden a store that is in trouble.
      if (failures.length > config.toleratedTenants) return;
      try {
        await this.#tryTenant(tenant, fromMs, signal);
        this.#listed.add(tenant);
      } catch (reason) {
        if (signal.aborted) throw reason;
        failures.push(reason);
        this.#deps.logger.warn('tenant could not be polled, its last list is kept', { tenant, err: reason });
      }
    });
    this.#unknown.clear();
    for (const tenant of tenants) if (!this.#listed.has(tenant)) this.#unknown.add(tenant);
    for (const tenant of this.#tenants.keys()) if (!tenants.includes(tenant)) this.#replace(tenant, NOTHING, fromMs, undefined);
    this.#metrics.seconds.observe((clock.now() - fromMs) / 1_000);
    if (failures.length > config.toleratedTenants) throw failures[0];
    this.#hasPolled = true;
  }

  async #tryTenant(tenant: TenantId, fromMs: number, signal: AbortSignal): Promise<void> {
    for (let failed = 0; ; failed++) {
      try {
        return await this.#pollTenant(tenant, fromMs, signal);
      } catch (reason) {
        if (signal.aborted) throw reason;
        this.#metrics.errors.with({ tenant }).inc();
        if (failed >= this.#deps.config.toleratedErrors) throw reason;
      }
    }
  }

  async #pollTenant(tenant: TenantId, fromMs: number, signal: AbortSignal): Promise<void> {
    const builds = this.#deps.buildsIndex(tenant);
    this.#metrics.builder.with({ tenant }).set(builds ? 1 : 0);
    const index = builds ? undefined : await this.#readIndex(tenant, signal);
    if (index) {
      this.#metrics.age.with({ tenant }).set((fromMs - index.createdMs) / 1_000);
      return this.#replace(tenant, blocksOf(index), index.createdMs - CLOCK_SLACK_MS, index);
    }
    const known = this.blocksOf(tenant);
    const before = this.#tenants.get(tenant)?.stored;
    const listed = await listTenant({
      store: this.#deps.store,
      tenant,
      known,
      concurrency: this.#deps.config.concurrency,
      onBad: (id, reason) => this.#isBad(tenant, id, reason),
      signal,
    });
    const stored = builds ? await this.#writeIndex(tenant, listed, before, fromMs, signal) : undefined;
    this.#replace(tenant, listed, fromMs, stored);
    const { emptyTenantAgeMs } = this.#deps.config;
    if (!builds || emptyTenantAgeMs === undefined || listed.live.size + listed.compacted.size > 0) return;
    const deleted = await deleteEmptyTenant(this.#deps.store, tenant, fromMs - emptyTenantAgeMs, signal);
    if (deleted > 0) this.#deps.logger.info('what was left of a tenant without blocks is deleted', { tenant, objects: deleted });
  }

  /** Undefined where the blocks have to be listed instead. */
  async #readIndex(tenant: TenantId, signal: AbortSignal): Promise<TenantIndex | undefined> {
    const { store, config, clock, logger } = this.#deps;
    try {
      const index = await readIndex(store, tenant, (reason) => this.#isBad(tenant, 'in the index', reason), signal);
      const ageMs = clock.now() - index.createdMs;
      if (config.maxIndexAgeMs === 0 || ageMs <= config.maxIndexAgeMs) return index;
      throw new AppError(
        'failed_precondition',
        `index of tenant ${tenant} is ${Math.round(ageMs / 1_000)} s old, want at most storage.trace.blocklist_poll_stale_tenant_index`,
      );
    } catch (reason) {
      if (signal.aborted) throw reason;
      this.#metrics.indexErrors.with({ tenant }).inc();
      if (!config.fallback) throw reason;
      logger.debug('no usable tenant index, listing blocks', { tenant, err: reason });
      return undefined;
    }
  }

  /** Only when something has changed, or the old one would soon count as stale. The list is good without it, so a failure is logged. */
  async #writeIndex(
    tenant: TenantId,
    blocks: TenantBlocks,
    before: TenantIndex | undefined,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<TenantIndex | undefined> {
    const { store, config, logger } = this.#deps;
    const index: TenantIndex = { createdMs: nowMs, blocks: [...blocks.live.values()], compacted: [...blocks.compacted.values()] };
    const isEmpty = index.blocks.length === 0 && index.compacted.length === 0;
    const isFresh = config.maxIndexAgeMs === 0 || (before !== undefined && nowMs - before.createdMs < config.maxIndexAgeMs / 2);
    if (before && isFresh && sameBlocks(before, index) && (await this.#isStored(tenant, index, signal))) return before;
    try {
      this.#settled.delete(tenant);
      await (isEmpty ? removeIndex(store, tenant, signal) : writeIndex(store, tenant, index, signal));
      return index;
    } catch (reason) {
      if (signal.aborted) throw reason;
      this.#metrics.indexErrors.with({ tenant }).inc();
      logger.error('tenant index could not be written', { tenant, err: reason });
      return undefined;
    }
  }

  /**
   * Whether the index of the last poll is still there. Another builder that listed earlier may have written later, and its index would stay for as long as nothing changes; so
   * it is read back once.
   */
  async #isStored(tenant: TenantId, index: TenantIndex, signal: AbortSignal): Promise<boolean> {
    if (this.#settled.has(tenant)) return true;
    try {
      const found = await readIndex(this.#deps.store, tenant, (reason) => this.#isBad(tenant, 'in the index', reason), signal);
      if (!sameBlocks(found, index)) return false;
    } catch (reason) {
      if (signal.aborted) throw reason;
      const isGone = AppError.from(reason).code === 'not_found';
      if (!isGone || index.blocks.length + index.compacted.length > 0) return false;
    }
    this.#settled.add(tenant);
    return true;
  }

  #isBad(tenant: TenantId, block: string, reason: unknown): void {
    this.#metrics.errors.with({ tenant }).inc();
    const key = `${tenant}/${block}`;
    if (this.#bad.has(key)) return;
    this.#bad.add(key);
    this.#deps.logger.error('block is hidden because its meta cannot be read', { tenant, block, err: reason });
  }

  /** `asOfMs`: what was announced later cannot be in `blocks`. */
  #replace(tenant: TenantId, blocks: TenantBlocks, asOfMs: number, stored: TenantIndex | undefined): void {
    const live = new Map<string, BlockMeta>();
    for (const [id, meta] of blocks.live) if (isReadable(meta)) live.set(id, meta);
    for (const [id, { meta, tenant: of, ms }] of this.#announced) {
      if (of !== tenant) continue;
      if (ms < asOfMs || live.has(id) || blocks.compacted.has(id)) this.#announced.delete(id);
      else live.set(id, meta);
    }
    this.#set(tenant, { live, compacted: blocks.compacted }, stored);
  }

  #set(tenant: TenantId, { live, compacted }: TenantBlocks, stored: TenantIndex | undefined): void {
    this.#metrics.blocks(tenant, live, compacted);
    // A tenant known to be empty is remembered, or its index would be removed at every poll.
    if (live.size === 0 && compacted.size === 0 && !stored) {
      this.#tenants.delete(tenant);
      return;
    }
    const graceMs = Math.max(MIN_GRACE_MS, GRACE_POLLS * this.#deps.config.pollMs);
    this.#tenants.set(tenant, { live, compacted, visible: visibleBlocks({ live, compacted }, this.#deps.clock.now(), graceMs), stored });
  }
}

function blocksOf({ blocks, compacted }: TenantIndex): TenantBlocks {
  return { live: new Map(blocks.map((meta) => [meta.blockId, meta])), compacted: new Map(compacted.map((block) => [block.meta.blockId, block])) };
}

function sameBlocks(a: TenantIndex, b: TenantIndex): boolean {
  const ids = ({ blocks, compacted }: TenantIndex) => JSON.stringify([blocks.map((x) => x.blockId).sort(), compacted.map((x) => x.meta.blockId).sort()]);
  return ids(a) === ids(b);
}

function overlaps({ startMs, endMs }: BlockMeta, startSec: number, endSec: number): boolean {
  return endMs >= startSec * 1_000 && startMs <= endSec * 1_000;
}

function newestFirst(a: BlockMeta, b: BlockMeta): number {
  return b.endMs - a.endMs || (a.blockId < b.blockId ? -1 : 1);
}
