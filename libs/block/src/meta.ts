import { AppError } from '@vivace/base';
import { DEDICATED_PER_SCOPE, VPARQUET4 } from './schema.ts';

/** An attribute with a column of its own. The k-th string column of a scope is stored in `DedicatedAttributes.String0k`. */
export interface DedicatedColumn {
  readonly scope: 'resource' | 'span' | 'event';
  readonly name: string;
  /** `string` in all blocks we write; foreign ones may list others, which have no column in vParquet4. */
  readonly type: string;
}

/** meta.json: what makes a folder a block (docs/format/block.md). */
export interface BlockMeta {
  readonly format: string;
  readonly blockId: string;
  readonly tenantId: string;
  /** Milliseconds since the epoch; stored in whole seconds, start rounded down and end up. */
  readonly startMs: number;
  readonly endMs: number;
  /** Rows of data.parquet, that is traces. */
  readonly totalObjects: number;
  /** Bytes of data.parquet. */
  readonly size: number;
  readonly compactionLevel: number;
  /** Row groups of data.parquet. */
  readonly totalRecords: number;
  readonly bloomShards: number;
  /** Bytes of the thrift footer; 0 when unknown (read the tail). */
  readonly footerSize: number;
  readonly dedicatedColumns: readonly DedicatedColumn[];
  readonly replicationFactor: number;
  /** Ids of the blocks this one takes the place of. Our key: Tempo ignores it. */
  readonly compactedFrom: readonly string[];
}

/** One line, no newline, keys in Tempo's order. */
export function formatBlockMeta(meta: BlockMeta): string {
  const dedicated = meta.dedicatedColumns.map((c) => ({
    ...(c.scope === 'span' ? {} : { s: c.scope }),
    n: c.name,
    ...(c.type === 'string' ? {} : { t: c.type }),
  }));
  return JSON.stringify({
    format: meta.format,
    blockID: meta.blockId,
    tenantID: meta.tenantId,
    startTime: seconds(Math.floor(meta.startMs / 1000)),
    endTime: seconds(Math.ceil(meta.endMs / 1000)),
    totalObjects: meta.totalObjects,
    size: meta.size,
    compactionLevel: meta.compactionLevel,
    encoding: 'none',
    indexPageSize: 0,
    totalRecords: meta.totalRecords,
    dataEncoding: '',
    bloomShards: meta.bloomShards,
    footerSize: meta.footerSize,
    ...(dedicated.length === 0 ? {} : { dedicatedColumns: dedicated }),
    ...(meta.replicationFactor === 0 ? {} : { replicationFactor: meta.replicationFactor }),
    ...(meta.compactedFrom.length === 0 ? {} : { compactedFrom: meta.compactedFrom }),
  });
}

function seconds(unix: number): string {
  return `${new Date(unix * 1000).toISOString().slice(0, 19)}Z`;
}

/** Reads a meta.json; `name` is the object's path for errors (`data_loss`). Unknown keys are ignored, absent numbers are 0. */
export function parseBlockMeta(text: string, name: string): BlockMeta {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError('data_loss', `${name}: not JSON`, { cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new AppError('data_loss', `${name}: not a JSON object`);
  const fields = json as Readonly<Record<string, unknown>>;
  const bad = (key: string, want: string): never => {
    throw new AppError('data_loss', `${name}: ${key} is ${JSON.stringify(fields[key])}, not ${want}`);
  };
  const string = (key: string): string => {
    const value = fields[key];
    return typeof value === 'string' && value !== '' ? value : bad(key, 'a string');
  };
  const count = (key: string): number => {
    const value = fields[key] ?? 0;
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : bad(key, 'a count');
  };
  const time = (key: string): number => {
    const value = fields[key];
    if (value === undefined) return 0;
    const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    return Number.isNaN(ms) ? bad(key, 'an RFC 3339 time') : ms;
  };
  const blockId = string('blockID');
  if (!UUID.test(blockId)) bad('blockID', 'a UUID');
  return {
    format: string('format'),
    blockId,
    tenantId: string('tenantID'),
    startMs: time('startTime'),
    endMs: time('endTime'),
    totalObjects: count('totalObjects'),
    size: count('size'),
    compactionLevel: count('compactionLevel'),
    totalRecords: count('totalRecords'),
    bloomShards: count('bloomShards'),
    footerSize: count('footerSize'),
    dedicatedColumns: parseDedicatedColumns(fields.dedicatedColumns, name),
    replicationFactor: count('replicationFactor'),
    compactedFrom: parseIds(fields.compactedFrom, name),
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function parseIds(value: unknown, name: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((id): id is string => typeof id === 'string' && UUID.test(id))) {
    throw new AppError('data_loss', `${name}: compactedFrom is not a list of block ids`);
  }
  return value;
}

function parseDedicatedColumns(value: unknown, name: string): DedicatedColumn[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new AppError('data_loss', `${name}: dedicatedColumns is not a list`);
  return value.map((entry: unknown, i) => {
    const { s, n, t } = (typeof entry === 'object' && entry !== null ? entry : {}) as Readonly<Record<string, unknown>>;
    const scope = s === undefined || s === '' ? 'span' : s;
    if (typeof n !== 'string' || (scope !== 'span' && scope !== 'resource' && scope !== 'event'))
      throw new AppError('data_loss', `${name}: dedicatedColumns[${i}] is ${JSON.stringify(entry)}`);
    return { scope, name: n, type: typeof t === 'string' && t !== '' ? t : 'string' };
  });
}

/** The attribute in each of the dedicated string columns of a scope, in column order. At most ten. */
export function dedicatedNames(columns: readonly DedicatedColumn[], scope: 'resource' | 'span'): string[] {
  return columns
    .filter((c) => c.scope === scope && c.type === 'string')
    .slice(0, DEDICATED_PER_SCOPE)
    .map((c) => c.name);
}

/** Whether this code can read the block. */
export function isReadable(meta: BlockMeta): boolean {
  return meta.format === VPARQUET4;
}
