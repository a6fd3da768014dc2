import { ATTR_INT, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn, AttrScope, ColumnName, ColumnNeeds, NestedSets, ServiceStat, SpanColumns, StringColumn, StringDict } from '@vivace/trace';
import { StringDictionary } from '@vivace/trace';
import { ByteDictionary } from '@vivace/parquet';
import type { Dictionary } from '@vivace/parquet';
import { AttrGroup } from './attr-group.ts';
import type { RowGroupAccess } from './block-layout.ts';
import { ColumnSet, loadChunks } from './column-set.ts';
import { byteInts, durationColumn, halvesColumn, idColumn, smallInts, stringColumn } from './column-values.ts';
import { ATTR_COLUMN, ATTR_COLUMNS, COLUMN, LEVEL, SPAN_COLUMNS } from './columns.ts';
import type { ColumnSource } from './columns.ts';
import { listOffsets, ownersOf, presentRows, spanOwners, traceOffsets } from './list-kernels.ts';
import type { SpanOwners } from './list-kernels.ts';
import { ownColumns } from './own-columns.ts';
import type { OwnColumn } from './own-columns.ts';

const EVENT_COLUMNS: readonly number[] = [COLUMN.eventOffset, COLUMN.eventName, COLUMN.eventDropped];
const LINK_COLUMNS: readonly number[] = [COLUMN.linkTraceId, COLUMN.linkSpanId, COLUMN.linkTraceState, COLUMN.linkDropped];

/** Columns behind each name; events and links need one column that tells their owners, the smallest. */
const NAMED: Readonly<Record<ColumnName, readonly number[]>> = {
  traceId: [COLUMN.traceId],
  traceTimes: [COLUMN.traceStart, COLUMN.traceDuration],
  roots: [COLUMN.rootService, COLUMN.rootName],
  serviceStats: [COLUMN.statsService, COLUMN.statsSpans, COLUMN.statsErrors],
  spanId: [COLUMN.spanId],
  parentId: [COLUMN.parentId],
  start: [COLUMN.start],
  duration: [COLUMN.duration],
  kind: [COLUMN.kind],
  status: [COLUMN.status],
  name: [COLUMN.name],
  statusMessage: [COLUMN.statusMessage],
  nestedSets: [COLUMN.nestedLeft, COLUMN.nestedRight, COLUMN.nestedParent],
  resource: [],
  scope: [],
  scopeName: [COLUMN.scopeName],
  scopeVersion: [COLUMN.scopeVersion],
  events: [],
  eventName: [COLUMN.eventName],
  eventOffset: [COLUMN.eventOffset],
  links: [],
  linkTraceId: [COLUMN.linkTraceId],
  linkSpanId: [COLUMN.linkSpanId],
};

/** A row group as span columns. Nothing is read before `load`, nothing decoded before its getter is called. */
export class BlockSpanColumns implements SpanColumns {
  readonly traceCount: number;
  readonly #access: RowGroupAccess;
  readonly #set: ColumnSet;
  readonly #memo = new Map<string, unknown>();
  /** Keys known, from the dictionary alone, to be absent from a scope's generic list. */
  readonly #absent = new Set<string>();
  #structureColumn = -1;
  #structureSource: ColumnSource | undefined;
  #eventColumn = -1;
  #linkColumn = -1;

  constructor(access: RowGroupAccess) {
    this.#access = access;
    this.traceCount = access.group.numRows;
    this.#set = new ColumnSet(access);
  }

  get inspectedBytes(): number {
    return this.#access.bytesRead;
  }

  /** Before the first `load` an upper bound from the footer: entries of the span columns, empty scopes included. */
  get spanCount(): number {
    return this.#structureSource === undefined ? this.#access.chunk(COLUMN.spanId).meta.numValues : this.traceSpans()[this.traceCount];
  }

  async load(needs: ColumnNeeds, signal?: AbortSignal): Promise<void> {
    const columns = new Set<number>();
    for (const name of needs.columns) for (const column of NAMED[name]) columns.add(column);
    const scopes = new Set(needs.attrs.map((attr) => attr.scope));
    const wants = (scope: AttrScope, names: readonly ColumnName[]): boolean => scopes.has(scope) || names.some((name) => needs.columns.has(name));
    await this.#planAttrs(needs, columns, signal);
    if (this.#eventColumn < 0 && wants('event', ['events', 'eventName', 'eventOffset']))
      columns.add((this.#eventColumn = this.#smallest(EVENT_COLUMNS, columns)));
    if (this.#linkColumn < 0 && wants('link', ['links', 'linkTraceId', 'linkSpanId'])) columns.add((this.#linkColumn = this.#smallest(LINK_COLUMNS, columns)));
    await Promise.all([this.#loadStructure(columns, signal), loadChunks(this.#access, this.#set, columns, signal)]);
    this.#structureSource ??= this.#set.required(this.#structureColumn);
  }

  traceSpans(): Uint32Array {
    return this.#once('traceSpans', () => traceOffsets(this.#structure(), this.traceCount));
  }

  traceIds(): Uint8Array {
    return this.#once('traceIds', () => idColumn(this.#set.required(COLUMN.traceId), 16, this.traceCount));
  }

  traceStart(): Uint32Array {
    return halvesColumn(this.#set.required(COLUMN.traceStart), this.traceCount);
  }

  traceDuration(): Float64Array {
    return this.#once('traceDuration', () => durationColumn(this.#set.required(COLUMN.traceDuration), this.traceCount));
  }

  rootService(): StringColumn {
    return this.#strings(COLUMN.rootService, this.traceCount);
  }

  rootName(): StringColumn {
    return this.#strings(COLUMN.rootName, this.traceCount);
  }

  serviceStats(trace: number): readonly ServiceStat[] {
    const stats = this.#once('serviceStats', () => {
      const service = this.#set.required(COLUMN.statsService);
      const offsets = listOffsets(service, 1, this.traceCount);
      const count = offsets[this.traceCount];
      return {
        offsets,
        services: stringColumn(service, count),
        spans: smallInts(this.#set.required(COLUMN.statsSpans), count),
        errors: smallInts(this.#set.required(COLUMN.statsErrors), count),
      };
    });
    const list: ServiceStat[] = [];
    for (let i = stats.offsets[trace]; i < stats.offsets[trace + 1]; i++)
      list.push({ service: stats.services.dict.get(stats.services.ids[i]), spanCount: stats.spans[i], errorCount: stats.errors[i] });
    return list;
  }

  resourceCount(): number {
    return this.#spanOwners().resourceCount;
  }

  spanResource(): Uint32Array {
    return this.#spanOwners().spanResource;
  }

  scopeCount(): number {
    return this.#spanOwners().scopeCount;
  }

  spanScope(): Uint32Array {
    return this.#spanOwners().spanScope;
  }

  scopeName(): StringColumn {
    return this.#strings(COLUMN.scopeName, this.scopeCount());
  }

  scopeVersion(): StringColumn {
    return this.#strings(COLUMN.scopeVersion, this.scopeCount());
  }

  spanIds(): Uint8Array {
    return this.#once('spanIds', () => idColumn(this.#set.required(COLUMN.spanId), 8, this.spanCount));
  }

  parentIds(): Uint8Array {
    return this.#once('parentIds', () => idColumn(this.#set.required(COLUMN.parentId), 8, this.spanCount));
  }

  spanStart(): Uint32Array {
    return halvesColumn(this.#set.required(COLUMN.start), this.spanCount);
  }

  spanDuration(): Float64Array {
    return this.#once('spanDuration', () => durationColumn(this.#set.required(COLUMN.duration), this.spanCount));
  }

  kind(): Uint8Array {
    return this.#once('kind', () => byteInts(this.#set.required(COLUMN.kind), this.spanCount));
  }

  status(): Uint8Array {
    return this.#once('status', () => byteInts(this.#set.required(COLUMN.status), this.spanCount));
  }

  name(): StringColumn {
    return this.#strings(COLUMN.name, this.spanCount);
  }

  statusMessage(): StringColumn {
    return this.#strings(COLUMN.statusMessage, this.spanCount);
  }

  nestedSets(): NestedSets {
    return this.#once('nestedSets', () => ({
      left: smallInts(this.#set.required(COLUMN.nestedLeft), this.spanCount),
      right: smallInts(this.#set.required(COLUMN.nestedRight), this.spanCount),
      parent: smallInts(this.#set.required(COLUMN.nestedParent), this.spanCount),
    }));
  }

  eventCount(): number {
    return this.#events().length;
  }

  eventSpan(): Uint32Array {
    return this.#events();
  }

  eventName(): StringColumn {
    return this.#strings(COLUMN.eventName, this.eventCount());
  }

  eventOffset(): Uint32Array {
    return this.eventCount() === 0 ? new Uint32Array(0) : halvesColumn(this.#set.required(COLUMN.eventOffset), this.eventCount());
  }

  linkCount(): number {
    return this.#links().length;
  }

  linkSpan(): Uint32Array {
    return this.#links();
  }

  linkTraceIds(): Uint8Array {
    return this.#once('linkTraceIds', () =>
      this.linkCount() === 0 ? new Uint8Array(0) : idColumn(this.#set.required(COLUMN.linkTraceId), 16, this.linkCount()),
    );
  }

  linkSpanIds(): Uint8Array {
    return this.#once('linkSpanIds', () => (this.linkCount() === 0 ? new Uint8Array(0) : idColumn(this.#set.required(COLUMN.linkSpanId), 8, this.linkCount())));
  }

  attr(scope: AttrScope, key: string): readonly AttrColumn[] {
    return this.#once(`attr ${scope} ${key}`, () => {
      const places: AttrColumn[] = [];
      for (const own of ownColumns(this.#access.block.meta, scope)) {
        if (own.key !== key) continue;
        const source = this.#set.get(own.column);
        const column = source && ownAttrColumn(source, own, LEVEL[scope]);
        if (column && column.count > 0) places.push(column);
      }
      if (!this.#absent.has(`${scope} ${key}`)) {
        const column = this.#group(scope).find(key);
        if (column) places.push(column);
      }
      return places;
    });
  }

  async attrKeys(scope: AttrScope, signal?: AbortSignal): Promise<readonly string[]> {
    const keyColumn = ATTR_COLUMN[scope];
    const filled = ownColumns(this.#access.block.meta, scope).filter(({ column }) => !this.#access.isEmpty(column));
    const dictionaries = await this.#access.dictionaries([keyColumn, ...filled.map(({ column }) => column)], signal);
    const keys = new Set<string>();
    for (const key of await this.#texts(keyColumn, dictionaries.get(keyColumn), signal)) keys.add(key);
    for (const { key, column, kind } of filled) {
      const dictionary = dictionaries.get(column);
      // Every value of a dictionary is used; "" in the service name's column stands for no value.
      const values = dictionary === undefined ? await this.#countValues(column, signal) : 'size' in dictionary ? dictionary.size : dictionary.length;
      const empty = kind === 'required' && dictionary instanceof ByteDictionary && dictionary.find('') >= 0 ? 1 : 0;
      if (values > empty) keys.add(key);
    }
    return [...keys];
  }

  /** Distinct texts of a column: those of its dictionary, or of its values when it has none. */
  async #texts(column: number, dictionary: Dictionary | undefined, signal: AbortSignal | undefined): Promise<string[]> {
    let dict: StringDict | undefined = dictionary instanceof ByteDictionary ? dictionary : undefined;
    if (dict === undefined) {
      await loadChunks(this.#access, this.#set, [column], signal);
      const source = this.#set.get(column);
      dict = source && stringColumn(source).dict;
    }
    return Array.from({ length: dict?.size ?? 0 }, (_, id) => dict?.get(id) ?? '').filter((text) => text !== '');
  }

  async #countValues(column: number, signal: AbortSignal | undefined): Promise<number> {
    await loadChunks(this.#access, this.#set, [column], signal);
    return this.#set.get(column)?.present() ?? 0;
  }

  /** Adds the columns behind the attributes wanted. A key that the generic list's dictionary does not know costs only that dictionary. */
  async #planAttrs(needs: ColumnNeeds, columns: Set<number>, signal: AbortSignal | undefined): Promise<void> {
    const scopes = [...new Set(needs.attrs.map((attr) => attr.scope))].filter((scope) => !this.#access.isEmpty(ATTR_COLUMN[scope]));
    const dictionaries = await this.#access.dictionaries(
      scopes.map((scope) => ATTR_COLUMN[scope]),
      signal,
    );
    for (const { scope, key } of needs.attrs) {
      for (const own of ownColumns(this.#access.block.meta, scope)) if (own.key === key) columns.add(own.column);
      const dictionary = dictionaries.get(ATTR_COLUMN[scope]);
      const unknown = !scopes.includes(scope) || (dictionary instanceof ByteDictionary && dictionary.find(key) < 0);
      if (unknown) this.#absent.add(`${scope} ${key}`);
      else for (let i = 0; i < ATTR_COLUMNS - 1; i++) columns.add(ATTR_COLUMN[scope] + i);
    }
  }

  /** The structure is read off a column that is wanted anyway, else off the smallest: one that nobody fills is nothing but levels. */
  async #loadStructure(columns: ReadonlySet<number>, signal: AbortSignal | undefined): Promise<void> {
    if (this.#structureColumn >= 0) return;
    const wanted = SPAN_COLUMNS.find((column) => columns.has(column) && !this.#access.isEmpty(column));
    this.#structureColumn = wanted ?? this.#smallest(SPAN_COLUMNS, columns);
    if (wanted !== undefined) return;
    const sections = await this.#access.fetch([this.#access.chunkRange(this.#structureColumn)], signal);
    this.#structureSource = this.#access.reader(this.#structureColumn, sections);
  }

  #smallest(candidates: readonly number[], wanted: ReadonlySet<number>): number {
    const size = (column: number): number => (wanted.has(column) ? 0 : this.#access.chunk(column).meta.totalCompressedSize);
    return candidates.reduce((best, column) => (size(column) < size(best) ? column : best));
  }

  #structure(): ColumnSource {
    if (this.#structureSource === undefined) throw new Error('span columns: nothing was loaded');
    return this.#structureSource;
  }

  #spanOwners(): SpanOwners {
    return this.#once('spanOwners', () => spanOwners(this.#structure(), this.spanCount));
  }

  #events(): Uint32Array {
    return this.#once('events', () => this.#owners(this.#eventColumn, LEVEL.event));
  }

  #links(): Uint32Array {
    return this.#once('links', () => this.#owners(this.#linkColumn, LEVEL.link));
  }

  #owners(column: number, level: number): Uint32Array {
    const source = this.#set.get(column);
    return source ? ownersOf(listOffsets(source, level, this.spanCount)) : new Uint32Array(0);
  }

  #strings(column: number, rows: number): StringColumn {
    return this.#once(`strings ${column}`, () =>
      rows === 0 ? { ids: new Uint32Array(0), dict: new StringDictionary() } : stringColumn(this.#set.required(column), rows),
    );
  }

  #group(scope: AttrScope): AttrGroup {
    return this.#once(`group ${scope}`, () => {
      const owners = {
        resource: () => this.resourceCount(),
        scope: () => this.scopeCount(),
        span: () => this.spanCount,
        event: () => this.eventCount(),
        link: () => this.linkCount(),
      };
      // JSON values are not searchable: their column is not read.
      const sources = Array.from({ length: ATTR_COLUMNS }, (_, i) => (i < ATTR_COLUMNS - 1 ? this.#set.get(ATTR_COLUMN[scope] + i) : undefined));
      return new AttrGroup(sources, LEVEL[scope], owners[scope]());
    });
  }

  #once<T>(key: string, make: () => T): T {
    // Every key is used with one type.
    let value = this.#memo.get(key) as T | undefined;
    if (value === undefined) {
      value = make();
      this.#memo.set(key, value);
    }
    return value;
  }
}

function ownAttrColumn(source: ColumnSource, own: OwnColumn, level: number): AttrColumn {
  const present = presentRows(source, level);
  if (own.kind === 'int') {
    const u32 = halvesColumn(source, present.length);
    return {
      count: present.length,
      rows: present,
      types: new Uint8Array(present.length).fill(ATTR_INT),
      f64: new Float64Array(u32.buffer),
      i64: new BigInt64Array(u32.buffer),
      u32,
      dict: new StringDictionary(),
      array: undefined,
    };
  }
  const { ids, dict } = stringColumn(source, present.length);
  const empty = own.kind === 'required' ? dict.find('') : -1;
  const f64 = new Float64Array(ids.length);
  const u32 = new Uint32Array(f64.buffer);
  const rows = new Uint32Array(ids.length);
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === empty) continue;
    rows[count] = present[i];
    u32[2 * count++] = ids[i];
  }
  return { count, rows, types: new Uint8Array(count).fill(ATTR_STRING), f64, i64: new BigInt64Array(f64.buffer), u32, dict, array: undefined };
}
