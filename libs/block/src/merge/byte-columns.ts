import { schemaLeaves } from '@vivace/parquet';
import { COLUMN } from '../read/columns.ts';
import { SCHEMA } from '../schema.ts';

const UNSUPPORTED = schemaLeaves(SCHEMA).flatMap(({ index, path }) => (path.endsWith('.ValueUnsupported') ? [index] : []));
/** Random bytes, which no codec makes fewer. */
export const RANDOM: ReadonlySet<number> = new Set([COLUMN.traceId, COLUMN.spanId, COLUMN.linkTraceId, COLUMN.linkSpanId]);
/** Byte strings that rarely repeat, and so have no dictionary. */
export const UNIQUE: ReadonlySet<number> = new Set([...RANDOM, COLUMN.traceId + 1, COLUMN.parentId, ...UNSUPPORTED]);
