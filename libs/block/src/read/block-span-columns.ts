import type {
  AttrColumn,
  AttrEntries,
  AttrRef,
  AttrScope,
  ColumnName,
  ColumnNeeds,
  NestedSets,
  ServiceStat,
  SpanColumns,
  StringColumn,
  StringDict,
  ValueSummary,
} from '@vivace/trace';
import { ByteDictionary, releaseSections } from '@vivace/parquet';
import type { Dictionary, Section } from '@vivace/parquet';
import { AttrGroup, EMPTY_DICT } from './attr-group.ts';
import { RowGroupAccess } from './block-layout.ts';
import { ColumnSet, loadChunks } from './column-set.ts';
import { byteInts, durationColumn, halvesColumn, idColumn, smallInts, stringColumn } from './column-values.ts';
import { ATTR_COLUMN, ATTR_COLUMNS, ATTR_VALUE, COLUMN, LEVEL, SPAN_COLUMNS } from './columns.ts';
import type { ColumnSource } from './columns.ts';
import { findAttr } from './find-attr.ts';
import { listOffsets, ownersOf, spanOwners, traceOffsets } from './list-kernels.ts';
import type { SpanOwners } from './list-kernels.ts';
import { NAMED, stringsKey } from './named-columns.ts';
import { NO_NUMBERS, numberBounds, unite } from './number-bounds.ts';
import { ownAttrColumn } from './own-attr-column.ts';
import { ownColumns } from './own-columns.ts';
import type { OwnColumn } from './own-columns.ts';
import { loadRows } from './row-selection.ts';
import { visitGroup, visitOwn } from './visit-attrs.ts';

const EVENT_COLUMNS: readonly number[] = [COLUMN.eventOffset, COLUMN.eventName, COLUMN.eventDropped];
const LINK_COLUMNS: readonly number[] = [COLUMN.linkTraceId, COLUMN.linkSpanId, COLUMN.linkTraceState, COLUMN.linkDropped];

interface Plan {
  readonly columns: readonly number[];
  /** The boundaries of traces are to be found too. */
  readonly structure: boolean;
}

/** So many rows, if they are few of the row group, are read by themselves: about what a dashboard shows. What was decoded of each is kept for its next refresh. */
const MAX_ROWS = 64;
const ROWS_OF_GROUP = 4;
/** Columns that are looked at one after the other, but fetched together. */
const COLUMNS_AT_ONCE = 8;

/**
 * A row group, or one of its rows, as span columns. Nothing is read before `load`, nothing decoded before its getter is called. Decoded columns stay in the
 * block's cache for other queries; `load` takes hold of those it finds there and reads the rest, so that none is lost in between.
 */
export class BlockSpanColumns implements SpanColumns {
  readonly traceCount: number;
  readonly #access: RowGroupAccess;
  /** The only row of the row group that is here; undefined: all are. */
  readonly #row: number | undefined;
  /** Tells apart in the cache what was decoded of this row. */
  readonly #rowKey: string;
  /** Nothing decoded here goes to the cache, and attributes are not even kept here. */
  readonly #isPassing: boolean;
  readonly #set: ColumnSet;
  readonly #memo = new Map<string, object>();
  readonly #groups = new Map<AttrScope, AttrGroup>();
  /** Keys known, from the dictionary alone, to be absent from a scope's generic list. */
  readonly #absent = new Set<string>();
  #structureColumn = -1;
  #structureSource: ColumnSource | undefined;
  #eventColumn = -1;
  #linkColumn = -1;

  constructor(access: RowGroupAccess, row?: number, isPassing = false) {
    this.#access = access;
    this.#isPassing = isPassing;
    this.#row = row;
    this.#rowKey = row === undefined ? '' : ` of ${row}`;
    this.traceCount = row === undefined ? access.group.numRows : 1;
    this.#set = new ColumnSet(access, this.traceCount);
  }

  get inspectedBytes(): number {
    return this.#access.bytesRead;
  }

  reopen(): SpanColumns {
    return new BlockSpanColumns(new RowGroupAccess(this.#access.block, this.#access.number), this.#row);
  }

  passing(): SpanColumns {
    const passing = new BlockSpanColumns(this.#access, this.#row, true);
    for (const [key, value] of this.#memo) passing.#memo.set(key, value);
    for (const absent of this.#absent) passing.#absent.add(absent);
    passing.#set.setAll(this.#set);
    passing.#structureColumn = this.#structureColumn;
    passing.#structureSource = this.#structureSource;
    passing.#eventColumn = this.#eventColumn;
    passing.#linkColumn = this.#linkColumn;
    return passing;
  }

  /** Before the first `load` an upper bound from the footer: entries of the span columns, empty scopes included. */
  get spanCount(): number {
    return this.#structureSource === undefined && !this.#has('traceSpans')
      ? this.#access.chunk(COLUMN.spanId).meta.numValues
      : this.traceSpans()[this.traceCount];
  }

  async load(needs: ColumnNeeds, signal?: AbortSignal): Promise<void> {
    const { columns, structure } = await this.#plan(needs, signal);
    await this.#read(this.#set, columns, signal);
    this.#settle(structure);
  }

  async loadTraces(needs: ColumnNeeds, traces: Uint32Array, signal?: AbortSignal): Promise<readonly SpanColumns[] | undefined> {
    if (this.#row !== undefined || traces.length > MAX_ROWS || traces.length * ROWS_OF_GROUP > this.traceCount) {
      await this.load(needs, signal);
      return undefined;
    }
    const parts = Array.from(traces, (row) => ({ row, part: new BlockSpanColumns(this.#access, row) }));
    const plans: Plan[] = [];
    for (const { part } of parts) plans.push(await part.#plan(needs, signal));
    await loadRows(
      this.#access,
      parts.map(({ row, part }, i) => ({ row, set: part.#set, columns: plans[i].columns })),
      signal,
    );
    return parts.map(({ part }, i) => {
      part.#settle(plans[i].structure);
      return part;
    });
  }

  /** What has to be read for `needs`. */
  async #plan(needs: ColumnNeeds, signal: AbortSignal | undefined): Promise<Plan> {
    const columns = new Set<number>();
    for (const name of needs.columns) {
      const { keys, columns: behind } = NAMED[name];
      if (!keys.every((key) => this.#has(key))) for (const column of behind) columns.add(column);
    }
    const attrs = needs.attrs.filter(({ scope, key }) => !this.#has(attrKey(scope, key)));
    const scopes = new Set(needs.attrs.map((attr) => attr.scope));
    const wants = (names: readonly (AttrScope | ColumnName)[]): boolean =>
      names.some((name) => scopes.has(name as AttrScope) || needs.columns.has(name as ColumnName));
    if (attrs.length > 0) await this.#planAttrs(attrs, columns, signal);
    if (this.#eventColumn < 0 && wants(['event', 'events', 'eventName', 'eventOffset']) && !this.#has('events'))
      columns.add((this.#eventColumn = this.#smallest(EVENT_COLUMNS, columns)));
    if (this.#linkColumn < 0 && wants(['link', 'links', 'linkTraceId', 'linkSpanId']) && !this.#has('links'))
      columns.add((this.#linkColumn = this.#smallest(LINK_COLUMNS, columns)));
    const hasOwners = (!wants(['resource']) || this.#has('spanResources')) && (!wants(['scope', 'scopeName', 'scopeVersion']) || this.#has('spanScopes'));
    const needsStructure = needs.tracesOnly !== true && (!this.#has('traceSpans') || !hasOwners);
    if (needsStructure) this.#planStructure(columns);
    return { columns: this.#set.wanting(columns, needsStructure ? this.#structureColumn : -1), structure: needsStructure };
  }

  /** After what was planned is read. */
  #settle(structure: boolean): void {
    if (!structure) return;
    this.#structureSource ??= this.#set.required(this.#structureColumn);
    // Now, not when asked for: a query that looks only at times would leave the next one to read it again.
    this.traceSpans();
  }

  async summarise({ scope, key }: AttrRef, signal?: AbortSignal): Promise<ValueSummary> {
    const memo = attrKey(scope, key);
    const loaded = this.#has(memo) ? (this.#memo.get(memo) as readonly AttrColumn[]) : undefined; // kept by `attr`
    if (loaded) return { strings: loaded.map((column) => column.dict), numbers: undefined, isExact: false, isLoaded: true };
    const texts: number[] = [];
    const numbers: number[] = [];
    for (const { column, kind } of ownColumns(this.#access.block.meta, scope).filter((own) => own.key === key)) (kind === 'int' ? numbers : texts).push(column);
    const list = ATTR_COLUMN[scope];
    const dictionary = this.#access.isEmpty(list) ? undefined : (await this.#access.dictionaries([list], signal)).get(list);
    if (!this.#access.isEmpty(list) && !(dictionary instanceof ByteDictionary && dictionary.find(key) < 0)) {
      texts.push(list + ATTR_VALUE);
      numbers.push(list + ATTR_VALUE + 1, list + ATTR_VALUE + 2);
    }
    // Every entry of a dictionary is used; "" in the service name's column stands for no value.
    const isOwn = numbers.length === 0;
    const filled = texts.filter((column) => !this.#access.isEmpty(column));
    const dictionaries = [...(await this.#access.dictionaries(filled, signal)).values()].filter((found) => found instanceof ByteDictionary);
    const bounds = numbers.map((column) => (this.#access.isEmpty(column) ? NO_NUMBERS : numberBounds(this.#access.chunk(column).meta)));
    const isKnown = dictionaries.length === filled.length;
    const isExact = isOwn && isKnown && dictionaries.every((dictionary) => dictionary.find('') < 0);
    return { strings: isKnown ? dictionaries : undefined, numbers: bounds.reduce(unite, NO_NUMBERS), isExact, isLoaded: false };
  }

  traceSpans(): Uint32Array {
    return this.#once('traceSpans', () => traceOffsets(this.#structure(), this.traceCount));
  }

  traceIds(): Uint8Array {
    return this.#once('traceIds', () => idColumn(this.#set.required(COLUMN.traceId), 16, this.traceCount));
  }

  traceStart(): Uint32Array {
    return this.#once('traceStart', () => halvesColumn(this.#set.required(COLUMN.traceStart), this.traceCount));
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
    return this.#resources().count;
  }

  spanResource(): Uint32Array {
    return this.#resources().owners;
  }

  scopeCount(): number {
    return this.#scopes().count;
  }

  spanScope(): Uint32Array {
    return this.#scopes().owners;
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
    return this.#once('spanStart', () => halvesColumn(this.#set.required(COLUMN.start), this.spanCount));
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
    return this.#once('eventOffset', () =>
      this.eventCount() === 0 ? new Uint32Array(0) : halvesColumn(this.#set.required(COLUMN.eventOffset), this.eventCount()),
    );
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
    const decode = (): readonly AttrColumn[] => {
      const places: AttrColumn[] = [];
      for (const own of ownColumns(this.#access.block.meta, scope)) {
        if (own.key !== key) continue;
        const source = this.#set.get(own.column);
        const column = source && ownAttrColumn(source, own, LEVEL[scope]);
        if (column && column.count > 0) places.push(column);
      }
      if (!this.#absent.has(`${scope} ${key}`)) {
        const column = findAttr(this.#group(scope), key, this.#access.likelyType(scope, key));
        if (column) {
          this.#access.rememberType(scope, key, column.types[0]);
          places.push(column);
        }
      }
      return places;
    };
    const memo = attrKey(scope, key);
    return this.#isPassing && !this.#memo.has(memo) ? decode() : this.#once(memo, decode);
  }

  async visitAttrs(scope: AttrScope, rows: Uint32Array | undefined, visit: (slice: AttrEntries) => void, signal?: AbortSignal): Promise<readonly string[]> {
    const filled = ownColumns(this.#access.block.meta, scope).filter(({ column }) => !this.#access.isEmpty(column));
    const left = new Set<string>();
    const apart: OwnColumn[] = [];
    const keyColumn = ATTR_COLUMN[scope];
    const set = new ColumnSet(this.#access, this.traceCount);
    // Values that are no scalars say no more than that their key is there.
    const columns = Array.from({ length: ATTR_COLUMNS - 1 }, (_, i) => keyColumn + i);
    let read = await this.#read(set, set.wanting(columns), signal);
    const group = new AttrGroup(
      columns.map((column) => set.get(column)),
      LEVEL[scope],
      this.#rowsOf(scope),
    );
    for (const own of filled) {
      const isAlone = group.keys().dict.find(own.key) < 0 && filled.every((other) => other === own || other.key !== own.key);
      if (isAlone && own.kind !== 'required') apart.push(own);
      else left.add(own.key);
    }
    visitGroup(group, rows, left, visit);
    for (const column of columns) set.release(column);
    releaseSections(read);
    for (let from = 0; from < apart.length; from += COLUMNS_AT_ONCE) {
      const some = apart.slice(from, from + COLUMNS_AT_ONCE);
      const wanted = some.map(({ column }) => column);
      read = await this.#read(set, set.wanting(wanted), signal);
      for (const { key, column, kind } of some) {
        const source = set.get(column);
        if (source) visitOwn(source, key, kind === 'int', LEVEL[scope], group.owners, rows, visit);
        set.release(column);
      }
      releaseSections(read);
    }
    return [...left];
  }

  /** Resolves to what was read of the whole row group; what is read of a row is let go already. */
  async #read(set: ColumnSet, columns: readonly number[], signal: AbortSignal | undefined): Promise<readonly Section[]> {
    if (this.#row === undefined) return loadChunks(this.#access, set, columns, signal);
    await loadRows(this.#access, [{ row: this.#row, set, columns }], signal);
    return [];
  }

  async attrKeys(scope: AttrScope, signal?: AbortSignal): Promise<readonly string[]> {
    const memo = `keys ${scope}`;
    if (!this.#has(memo)) this.#keep(memo, await this.#readKeys(scope, signal));
    return this.#memo.get(memo) as readonly string[]; // kept above
  }

  async #readKeys(scope: AttrScope, signal: AbortSignal | undefined): Promise<readonly string[]> {
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
      await loadChunks(this.#access, this.#set, this.#set.wanting([column]), signal);
      const source = this.#set.get(column);
      dict = source && stringColumn(source).dict;
    }
    return Array.from({ length: dict?.size ?? 0 }, (_, id) => dict?.get(id) ?? '').filter((text) => text !== '');
  }

  async #countValues(column: number, signal: AbortSignal | undefined): Promise<number> {
    await loadChunks(this.#access, this.#set, this.#set.wanting([column]), signal);
    return this.#set.get(column)?.present() ?? 0;
  }

  /** Adds the columns behind the attributes wanted. A key that the generic list's dictionary does not know costs only that dictionary. */
  async #planAttrs(attrs: readonly AttrRef[], columns: Set<number>, signal: AbortSignal | undefined): Promise<void> {
    const scopes = [...new Set(attrs.map((attr) => attr.scope))].filter((scope) => !this.#access.isEmpty(ATTR_COLUMN[scope]));
    const dictionaries = await this.#access.dictionaries(
      scopes.map((scope) => ATTR_COLUMN[scope]),
      signal,
    );
    for (const { scope, key } of attrs) {
      for (const own of ownColumns(this.#access.block.meta, scope)) if (own.key === key) columns.add(own.column);
      const dictionary = dictionaries.get(ATTR_COLUMN[scope]);
      const unknown = !scopes.includes(scope) || (dictionary instanceof ByteDictionary && dictionary.find(key) < 0);
      if (unknown) this.#absent.add(`${scope} ${key}`);
      else for (let i = 0; i < ATTR_COLUMNS - 1; i++) columns.add(ATTR_COLUMN[scope] + i);
    }
  }

  /** The structure is read off a column that is wanted anyway, else off the smallest: one that nobody fills is nothing but levels. */
  #planStructure(columns: Set<number>): void {
    if (this.#structureColumn >= 0) return;
    const wanted = SPAN_COLUMNS.find((column) => columns.has(column) && !this.#access.isEmpty(column));
    this.#structureColumn = wanted ?? this.#smallest(SPAN_COLUMNS, columns);
    columns.add(this.#structureColumn);
  }

  #smallest(candidates: readonly number[], wanted: ReadonlySet<number>): number {
    const size = (column: number): number => (wanted.has(column) ? 0 : this.#access.chunk(column).meta.totalCompressedSize);
    return candidates.reduce((best, column) => (size(column) < size(best) ? column : best));
  }

  #structure(): ColumnSource {
    if (this.#structureSource === undefined) throw new Error('span columns: nothing was loaded');
    return this.#structureSource;
  }

  #resources(): SpanOwners {
    return this.#once('spanResources', () => spanOwners(this.#structure(), LEVEL.resource, this.spanCount));
  }

  #scopes(): SpanOwners {
    return this.#once('spanScopes', () => spanOwners(this.#structure(), LEVEL.scope, this.spanCount));
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
    return this.#once(stringsKey(column), () => (rows === 0 ? { ids: new Uint32Array(0), dict: EMPTY_DICT } : stringColumn(this.#set.required(column), rows)));
  }

  #group(scope: AttrScope): AttrGroup {
    let group = this.#groups.get(scope);
    if (group === undefined) {
      // JSON values are not searchable: their column is not read.
      const sources = Array.from({ length: ATTR_COLUMNS }, (_, i) => (i < ATTR_COLUMNS - 1 ? this.#set.get(ATTR_COLUMN[scope] + i) : undefined));
      group = new AttrGroup(sources, LEVEL[scope], this.#rowsOf(scope));
      this.#groups.set(scope, group);
    }
    return group;
  }

  #rowsOf(scope: AttrScope): number {
    switch (scope) {
      case 'resource':
        return this.resourceCount();
      case 'scope':
        return this.scopeCount();
      case 'span':
        return this.spanCount;
      case 'event':
        return this.eventCount();
      case 'link':
        return this.linkCount();
    }
  }

  /** Whether a decoded value is at hand, here or in the cache; from then on it is here. */
  #has(key: string): boolean {
    if (this.#memo.has(key)) return true;
    const cached = this.#access.cachedColumn(key + this.#rowKey);
    if (cached !== undefined) this.#memo.set(key, cached);
    return cached !== undefined;
  }

  #keep(key: string, value: object): void {
    this.#memo.set(key, value);
    if (!this.#isPassing) this.#access.cacheColumn(key + this.#rowKey, value);
  }

  #once<T extends object>(key: string, make: () => T): T {
    // Every key is used with one type.
    let value = this.#memo.get(key) as T | undefined;
    if (value === undefined) this.#keep(key, (value = make()));
    return value;
  }
}

function attrKey(scope: AttrScope, key: string): string {
  return `attr ${scope} ${key}`;
}
