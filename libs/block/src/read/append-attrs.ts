import { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrList, AttrScope, SpanTable, StringDict } from '@vivace/trace';
import type { BlockMeta } from '../meta.ts';
import { AttrGroup } from './attr-group.ts';
import type { ColumnSet } from './column-set.ts';
import { halvesColumn, stringColumn } from './column-values.ts';
import { LEVEL } from './columns.ts';
import { presentRows } from './list-kernels.ts';
import { ownColumns } from './own-columns.ts';

/** Ids of a file's dictionary to ids of a table's; each string is interned once, when first met. */
export class IdMap {
  readonly #dict: StringDict;
  readonly #table: SpanTable;
  /** Table id + 1; 0 = not met. */
  readonly #ids: Uint32Array;

  constructor(dict: StringDict, table: SpanTable) {
    this.#dict = dict;
    this.#table = table;
    this.#ids = new Uint32Array(dict.size);
  }

  get(id: number): number {
    const known = this.#ids[id];
    if (known !== 0) return known - 1;
    const n = this.#dict.byteLength(id);
    if (n > scratch.length) scratch = new Uint8Array(n * 2);
    this.#dict.copyTo(id, scratch, 0);
    const interned = this.#table.strings.intern(scratch, 0, n);
    this.#ids[id] = interned + 1;
    return interned;
  }
}

let scratch = new Uint8Array(4096);
const NO_IDS = new Uint32Array(0);

/** An own column walked in step with its owner rows. */
interface OwnCursor {
  readonly keyId: number;
  /** Rows that have the attribute, ascending. */
  readonly rows: Uint32Array;
  /** Absent for ints. */
  readonly strings: IdMap | undefined;
  readonly ids: Uint32Array;
  readonly words: Uint32Array;
  next: number;
}

function ownCursors(columns: ColumnSet, meta: BlockMeta, scope: AttrScope, table: SpanTable): OwnCursor[] {
  const cursors: OwnCursor[] = [];
  for (const { key, column, kind } of ownColumns(meta, scope)) {
    const source = columns.get(column);
    if (source === undefined || source.present() === 0) continue;
    const rows = presentRows(source, LEVEL[scope]);
    const keyId = table.strings.internText(key);
    if (kind === 'int') {
      cursors.push({ keyId, rows, strings: undefined, ids: NO_IDS, words: halvesColumn(source, rows.length), next: 0 });
      continue;
    }
    const { ids, dict } = stringColumn(source, rows.length);
    const empty = kind === 'required' ? dict.find('') : -1;
    const kept = empty < 0 ? rows : rows.filter((_, i) => ids[i] !== empty);
    cursors.push({ keyId, rows: kept, strings: new IdMap(dict, table), ids: empty < 0 ? ids : ids.filter((id) => id !== empty), words: NO_IDS, next: 0 });
  }
  return cursors;
}

/** Appends the attributes of `owners` rows of a scope to `list`; `ends[base + r]` becomes the end of owner `r`'s attributes. */
export function appendAttrs(
  columns: ColumnSet,
  meta: BlockMeta,
  scope: AttrScope,
  table: SpanTable,
  list: AttrList,
  ends: Uint32Array,
  base: number,
  owners: number,
): void {
  const group = new AttrGroup(columns.attrs(scope), LEVEL[scope], owners);
  const offsets = group.offsets();
  const keys = group.keys();
  const values = group.resolve();
  const strings = group.strings();
  const keyMap = new IdMap(keys.dict, table);
  const stringMap = new IdMap(strings.dict, table);
  const ints = group.words(ATTR_INT) ?? NO_IDS;
  const doubles = group.words(ATTR_DOUBLE) ?? NO_IDS;
  const bools = group.bools();
  const unsupported = group.unsupported();
  const jsonMap = unsupported && new IdMap(unsupported.texts.dict, table);
  const own = ownCursors(columns, meta, scope, table);
  const { elements } = table;
  let json = 0;

  const put = (into: AttrList, at: number, type: number, value: number): void => {
    into.type[at] = type;
    if (type === ATTR_STRING) into.u32[2 * at] = stringMap.get(strings.ids[value]);
    else if (type === ATTR_BOOL) into.u32[2 * at] = bools?.[value] ?? 0;
    else {
      const words = type === ATTR_INT ? ints : doubles;
      into.u32[2 * at] = words[2 * value];
      into.u32[2 * at + 1] = words[2 * value + 1];
    }
  };

  list.ensure(keys.ids.length + own.reduce((sum, cursor) => sum + cursor.rows.length, 0));
  for (let r = 0; r < owners; r++) {
    for (let a = offsets[r]; a < offsets[r + 1]; a++) {
      const at = list.count++;
      const type = values.types[a];
      list.key[at] = keyMap.get(keys.ids[a]);
      if (values.array[a] === 1) {
        const count = values.counts[a];
        elements.ensure(count);
        list.type[at] = ATTR_ARRAY;
        list.u32[2 * at] = elements.count;
        list.u32[2 * at + 1] = count;
        for (let v = 0; v < count; v++) put(elements, elements.count++, type, values.first[a] + v);
      } else if (type !== 0) put(list, at, type, values.first[a]);
      else {
        // Nothing stored at all reads as an unset value, whose JSON is {}.
        while (unsupported && unsupported.positions[json] < a) json++;
        const text = unsupported?.positions[json] === a ? jsonMap?.get(unsupported.texts.ids[json]) : undefined;
        list.type[at] = ATTR_JSON;
        list.u32[2 * at] = text ?? table.strings.internText('{}');
      }
    }
    for (const cursor of own) {
      if (cursor.rows[cursor.next] !== r) continue;
      const i = cursor.next++;
      const at = list.count++;
      list.key[at] = cursor.keyId;
      if (cursor.strings) {
        list.type[at] = ATTR_STRING;
        list.u32[2 * at] = cursor.strings.get(cursor.ids[i]);
      } else {
        list.type[at] = ATTR_INT;
        list.u32[2 * at] = cursor.words[2 * i];
        list.u32[2 * at + 1] = cursor.words[2 * i + 1];
      }
    }
    ends[base + r] = list.count;
  }
}
