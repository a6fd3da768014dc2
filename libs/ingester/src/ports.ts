import type { BlockId, TenantId } from '@vivace/base';
import type { PartInfo, WritePartOptions } from '@vivace/part';
import type { SpanTableHandle } from '@vivace/trace';

/** A place in the log, as `LogPosition` of @vivace/wal. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export function isAfter(a: Position, b: Position): boolean {
  return a.segment > b.segment || (a.segment === b.segment && a.offset > b.offset);
}

/** Resolved settings of the ingester (keys of `ingester` and `storage.trace` in docs/config.md). */
export interface IngesterConfig {
  /** `<wal.path>/parts`. */
  readonly partsDir: string;
  readonly traceIdlePeriodMs: number;
  readonly traceLivePeriodMs: number;
  readonly flushCheckPeriodMs: number;
  readonly maxBlockDurationMs: number;
  /** OTLP bytes received into one block. */
  readonly maxBlockBytes: number;
  /** A head table is cut at either, whatever its age: the bounds of memory. */
  readonly maxHeadSpans: number;
  readonly maxHeadBytes: number;
  /** Sealed tables waiting for the disk, per tenant, beyond which pushes are refused (`ingester.max_unsaved_tables`). */
  readonly maxSealedTables: number;
  readonly blockRetryMs: number;
  /** How long the parts of a block can be asked for after it was stored: until queriers elsewhere know of it, and for when the store is away. */
  readonly keepFlushedMs: number;
}

/** The limits of one tenant that the ingester applies. 0 = none. */
export interface TenantLimits {
  readonly maxBytesPerTrace: number;
  readonly maxTraces: number;
  readonly maxAttributeBytes: number;
}

export interface BuildBlockRequest {
  readonly tenant: TenantId;
  readonly blockId: BlockId;
  /** Part files, oldest first. */
  readonly parts: readonly string[];
}

/** A block that lies complete in the object store. */
export interface BuiltBlock {
  readonly blockId: BlockId;
  /** The parts in it: the first of those asked for, at least one. Fewer than all when it was made earlier and could not be stored then. */
  readonly parts: readonly string[];
  readonly traces: number;
  readonly sizeBytes: number;
  /** Makes it visible to queries of this process. Synchronous. */
  announce(): void;
  /** Removes what building left behind, once the parts are gone. */
  cleanUp(): Promise<void>;
}

/** The work that must not run on the event loop; the app binds it to worker threads. All of it may be repeated after a failure. */
export interface HeavyWork {
  writePart(request: WritePartOptions & { readonly table: SpanTableHandle }): Promise<PartInfo>;
  buildBlock(request: BuildBlockRequest): Promise<BuiltBlock>;
  deletePart(path: string): Promise<void>;
  /** Gives the parts of a stored block second names, which last when the parts are deleted; returns them. */
  keepParts(tenant: TenantId, blockId: BlockId, parts: readonly string[]): Promise<string[]>;
  dropKept(tenant: TenantId, blockId: BlockId): Promise<void>;
  /** Remembers, durably, that the tenant's log frames up to here are in parts or blocks, for when the parts are gone. */
  saveWatermark(tenant: TenantId, watermark: Position): Promise<void>;
}

export interface IngesterMetrics {
  /** A push, with the traces of it that were not live. */
  received(tenant: TenantId, bytes: number, newTraces: number): void;
  attributesTruncated(tenant: TenantId, n: number): void;
  partWritten(tenant: TenantId, info: PartInfo): void;
  blockFlushed(tenant: TenantId, sizeBytes: number, seconds: number): void;
  failed(what: 'part' | 'block'): void;
}
