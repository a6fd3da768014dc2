// The data model of a Parquet file's metadata, as plain records. Source: parquet.thrift of apache/parquet-format 2.x;
// field names follow it in camelCase. Sizes and offsets are numbers (exact below 2^53).

export const PhysicalType = { BOOLEAN: 0, INT32: 1, INT64: 2, INT96: 3, FLOAT: 4, DOUBLE: 5, BYTE_ARRAY: 6, FIXED_LEN_BYTE_ARRAY: 7 } as const;
export type PhysicalType = (typeof PhysicalType)[keyof typeof PhysicalType];

export const Repetition = { REQUIRED: 0, OPTIONAL: 1, REPEATED: 2 } as const;
export type Repetition = (typeof Repetition)[keyof typeof Repetition];

export const ConvertedType = {
  UTF8: 0,
  MAP: 1,
  MAP_KEY_VALUE: 2,
  LIST: 3,
  UINT_8: 11,
  UINT_16: 12,
  UINT_32: 13,
  UINT_64: 14,
  INT_8: 15,
  INT_16: 16,
  INT_32: 17,
  INT_64: 18,
} as const;
export type ConvertedType = (typeof ConvertedType)[keyof typeof ConvertedType];

export const Encoding = {
  PLAIN: 0,
  PLAIN_DICTIONARY: 2,
  RLE: 3,
  BIT_PACKED: 4,
  DELTA_BINARY_PACKED: 5,
  DELTA_LENGTH_BYTE_ARRAY: 6,
  DELTA_BYTE_ARRAY: 7,
  RLE_DICTIONARY: 8,
  BYTE_STREAM_SPLIT: 9,
} as const;
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

export const Codec = { UNCOMPRESSED: 0, SNAPPY: 1, GZIP: 2, LZO: 3, BROTLI: 4, LZ4: 5, ZSTD: 6, LZ4_RAW: 7 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

export const PageType = { DATA_PAGE: 0, INDEX_PAGE: 1, DICTIONARY_PAGE: 2, DATA_PAGE_V2: 3 } as const;
export type PageType = (typeof PageType)[keyof typeof PageType];

/** LogicalType, the members we know. */
export type LogicalType =
  | { readonly kind: 'string' }
  | { readonly kind: 'map' }
  | { readonly kind: 'list' }
  | { readonly kind: 'integer'; readonly bitWidth: number; readonly isSigned: boolean }
  | { readonly kind: 'unknown'; readonly fieldId: number };

/** One element of the flattened schema tree, depth first; the root comes first and has no repetition. */
export interface SchemaElement {
  readonly name: string;
  readonly type?: PhysicalType;
  readonly typeLength?: number;
  readonly repetition?: Repetition;
  readonly numChildren?: number;
  readonly convertedType?: ConvertedType;
  readonly logicalType?: LogicalType;
}

export interface Statistics {
  readonly nullCount?: number;
  readonly distinctCount?: number;
  readonly minValue?: Uint8Array;
  readonly maxValue?: Uint8Array;
}

export interface ColumnMetaData {
  readonly type: PhysicalType;
  readonly encodings: readonly Encoding[];
  readonly path: readonly string[];
  readonly codec: Codec;
  readonly numValues: number;
  readonly totalUncompressedSize: number;
  readonly totalCompressedSize: number;
  readonly dataPageOffset: number;
  readonly dictionaryPageOffset?: number;
  readonly statistics?: Statistics;
}

export interface ColumnChunk {
  readonly meta: ColumnMetaData;
  readonly offsetIndexOffset?: number;
  readonly offsetIndexLength?: number;
  readonly columnIndexOffset?: number;
  readonly columnIndexLength?: number;
}

export interface RowGroup {
  readonly columns: readonly ColumnChunk[];
  readonly totalByteSize: number;
  readonly numRows: number;
  readonly fileOffset?: number;
  readonly totalCompressedSize?: number;
  readonly ordinal?: number;
}

export interface FileMetaData {
  readonly version: number;
  readonly schema: readonly SchemaElement[];
  readonly numRows: number;
  readonly rowGroups: readonly RowGroup[];
  readonly createdBy?: string;
}

/** One leaf of a schema with its levels. */
export interface Leaf {
  /** Position among the leaves: the column's index in a row group. */
  readonly index: number;
  /** Dotted path without the root: `rs.list.element.ss.…`. */
  readonly path: string;
  readonly type: PhysicalType;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  readonly element: SchemaElement;
}

export interface PageLocation {
  readonly offset: number;
  /** Size of the page with its header. */
  readonly compressedPageSize: number;
  readonly firstRowIndex: number;
}

export interface OffsetIndex {
  readonly pages: readonly PageLocation[];
}

export interface ColumnIndex {
  readonly nullPages: readonly boolean[];
  readonly minValues: readonly Uint8Array[];
  readonly maxValues: readonly Uint8Array[];
  /** 0 unordered, 1 ascending, 2 descending. */
  readonly boundaryOrder: number;
  readonly nullCounts?: readonly number[];
}

/** The whole storage port of the reader: `hyparquet` calls it AsyncBuffer. */
export interface ByteSource {
  /** Name for error messages: the object's path. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes at `offset`; rejects when the object is shorter. The caller owns the result. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
}
