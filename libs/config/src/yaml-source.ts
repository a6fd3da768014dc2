import type { Document, Node as YamlNode, YAMLMap } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Problem } from './problem.ts';
import type { Plain } from './schema/node.ts';

export interface Entry {
  readonly key: string;
  readonly keyOffset: number;
  readonly value: YamlNode | null;
}

/** A parsed YAML file whose nodes know their place: `where(offset)` is `file:line:column` in the text as it was written. */
export interface YamlSource {
  readonly root: YamlNode | null;
  where(offset: number): string;
  /** The place of a dotted key's value, or of the deepest section above it that the file has; empty when it has none. */
  whereIs(path: string): string;
  /** Follows an alias to its anchor. */
  resolve(node: unknown): YamlNode | null;
  /** The pairs of a map, merge keys (`<<`) applied: own pairs win over merged ones, earlier merged ones over later. */
  entries(map: YAMLMap): Entry[];
  /** The node as plain data; undefined when it is nested or expanded by aliases beyond all measure. */
  plain(node: YamlNode | null): Plain | undefined;
}

const MAX_NODES = 10_000;
const MAX_DEPTH = 100;
// Of one map, through all levels; real files have a handful.
const MAX_MERGES = 1_000;

/** Parses one YAML document. Syntax errors, duplicate keys and further documents are added to `problems`. */
export function parseYaml(file: string, text: string, originalOffset: (offset: number) => number, original: string, problems: Problem[]): YamlSource {
  const lines = lineCounter(original);
  const where = (offset: number): string => {
    const { line, col } = lines.linePos(originalOffset(offset));
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const doc = parse(text);
  for (const { code, pos, message } of doc.errors) {
    problems.push({ where: where(pos[0]), path: '', message: code === 'DUPLICATE_KEY' ? 'this key is here twice' : lowerFirst(message) });
  }
  const isWhole = doc.errors.every((error) => error.code === 'DUPLICATE_KEY'); // then the rest can be checked as well
  return {
    root: isWhole ? doc.contents : null,
    where,
    whereIs: (path) => (isWhole ? whereIs(doc, path, where) : ''),
    resolve: (node) => resolve(doc, node),
    entries: (map) => entries(doc, map),
    plain: (node) => plain(doc, node, { left: MAX_NODES }, 0),
  };
}

/** Own or not, a parser may throw on hostile text; that is a problem of the text. */
function parse(text: string): Document {
  try {
    return parseDocument(text, { prettyErrors: false, strict: true, uniqueKeys: true, logLevel: 'error', merge: true });
  } catch (error) {
    const failed = parseDocument('', { logLevel: 'error' });
    failed.errors.push({ name: 'YAMLParseError', code: 'IMPOSSIBLE', message: String(error), pos: [0, 0] });
    return failed;
  }
}

function whereIs(doc: Document, path: string, where: (offset: number) => string): string {
  let offset: number | undefined;
  let node = resolve(doc, doc.contents);
  for (const key of path.split('.')) {
    const entry = isMap(node) ? entries(doc, node).find((candidate) => candidate.key === key) : undefined;
    if (entry === undefined) break;
    offset = isScalar(entry.value) ? (entry.value.range?.[0] ?? entry.keyOffset) : entry.keyOffset;
    node = entry.value;
  }
  return offset === undefined ? '' : where(offset);
}

function lineCounter(text: string): LineCounter {
  const counter = new LineCounter();
  counter.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) counter.addNewLine(at + 1);
  return counter;
}

function resolve(doc: Document, node: unknown): YamlNode | null {
  let found = node as YamlNode | null | undefined; // everything below a parsed document is a node or empty
  for (let hops = 0; isAlias(found) && hops < MAX_DEPTH; hops++) found = found.resolve(doc);
  return isAlias(found) ? null : (found ?? null);
}

function entries(doc: Document, map: YAMLMap, merges = { left: MAX_MERGES }): Entry[] {
  const own: Entry[] = [];
  const merged: Entry[] = [];
  for (const pair of map.items) {
    const keyNode = resolve(doc, pair.key);
    const key = isScalar(keyNode) ? keyText(keyNode.source, keyNode.value) : String(keyNode);
    const value = resolve(doc, pair.value);
    if (key === '<<') {
      for (const source of isSeq(value) ? value.items : [value]) {
        const target = resolve(doc, source);
        if (isMap(target) && target !== map && --merges.left >= 0) merged.push(...entries(doc, target, merges));
      }
    } else own.push({ key, keyOffset: keyNode?.range?.[0] ?? 0, value });
  }
  const seen = new Set(own.map((entry) => entry.key));
  for (const entry of merged) {
    if (!seen.has(entry.key)) own.push(entry);
    seen.add(entry.key);
  }
  return own;
}

function keyText(source: string | undefined, value: unknown): string {
  return source ?? (value === null ? '' : String(value));
}

function plain(doc: Document, node: YamlNode | null, budget: { left: number }, depth: number): Plain | undefined {
  if (--budget.left < 0 || depth > MAX_DEPTH) return undefined;
  const found = resolve(doc, node);
  if (isMap(found)) {
    const out: Record<string, Plain> = {};
    for (const { key, value } of entries(doc, found)) {
      const inner = plain(doc, value, budget, depth + 1);
      if (inner === undefined) return undefined;
      Object.defineProperty(out, key, { value: inner, enumerable: true, configurable: true, writable: true });
    }
    return out;
  }
  if (isSeq(found)) {
    const out: Plain[] = [];
    for (const item of found.items) {
      const inner = plain(doc, resolve(doc, item), budget, depth + 1);
      if (inner === undefined) return undefined;
      out.push(inner);
    }
    return out;
  }
  if (!isScalar(found)) return null;
  const value = found.value;
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : String(value);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
