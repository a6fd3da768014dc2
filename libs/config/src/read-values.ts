import { unreachable } from '@vivace/base';
import type { Node as YamlNode } from 'yaml';
import { isMap, isScalar, isSeq } from 'yaml';
import { nearest } from './nearest.ts';
import { parseLeaf } from './parse-leaf.ts';
import type { Problem, Warning } from './problem.ts';
import type { Group, Leaf, List, MapOf, Node, Status, Value } from './schema/node.ts';
import { Secret } from './secret.ts';
import type { YamlSource } from './yaml-source.ts';

/** What one read adds up: everything wrong and everything worth telling, in the order of the schema. */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: Warning[];
}

export interface FlagValue {
  readonly flag: string;
  readonly text: string;
}

interface Context extends Findings {
  readonly source: YamlSource;
  /** Flags by the path of their leaf; they win over the file. */
  readonly flags: ReadonlyMap<string, FlagValue>;
  /** Nodes written under an old name, by the path of the new one. */
  readonly renamed: Map<string, { readonly oldPath: string; readonly node: YamlNode | null; readonly offset: number }>;
}

/** Reads a whole file (and flags) as `schema`; what is not written has its default. Never throws for what was written. */
export function readValues<N extends Node>(schema: N, source: YamlSource, flags: ReadonlyMap<string, FlagValue>, findings: Findings): Value<N> {
  const context: Context = { ...findings, source, flags, renamed: new Map() };
  return read(context, schema, source.root ?? undefined, '', false) as Value<N>; // read follows the schema node by node
}

/** `node` is undefined when the key is not written and null when it is written without a value. `quiet` below a section that has warned as a whole. */
function read(context: Context, schema: Node, node: YamlNode | null | undefined, path: string, quiet: boolean): unknown {
  const old = context.renamed.get(path);
  context.renamed.delete(path);
  if (old && node !== undefined) problem(context, old.offset, old.oldPath, `is the old name of ${path}, which is set too; keep one of them`);
  const written = node === undefined ? old?.node : node;
  switch (schema.kind) {
    case 'group':
      return readGroup(context, schema, written, path, quiet);
    case 'leaf':
      return readLeaf(context, schema, written, path, quiet);
    case 'optional':
      if (written === undefined) return undefined;
      warnSection(context, schema.status, context.source.where(offsetOf(written)), path, quiet);
      return read(context, schema.of, written, path, quiet || schema.status !== 'implemented');
    case 'list':
      return readList(context, schema, written, path, quiet);
    case 'map':
      return readMap(context, schema, written, path, quiet);
    case 'free': {
      if (written === undefined || written === null) return undefined;
      warnSection(context, schema.status, context.source.where(offsetOf(written)), path, quiet);
      const value = context.source.plain(written);
      if (value === undefined) problem(context, offsetOf(written), path, 'is nested too deep or too large');
      return value;
    }
    default:
      return unreachable(schema);
  }
}

function readGroup(context: Context, schema: Group, node: YamlNode | null | undefined, path: string, quiet: boolean): unknown {
  const written = new Map<string, YamlNode | null>();
  const map = node === undefined || isEmpty(node) ? undefined : node;
  if (map && !isMap(map)) problem(context, offsetOf(map), path, `is ${kindOf(map)}, but must be a section with keys below it`);
  for (const { key, keyOffset, value } of map && isMap(map) ? context.source.entries(map) : []) {
    const target = schema.aliases && Object.hasOwn(schema.aliases, key) ? schema.aliases[key] : undefined;
    if (Object.hasOwn(schema.fields, key)) written.set(key, value);
    else if (target !== undefined) rename(context, join(path, key), join(path, target), value, keyOffset);
    else problem(context, keyOffset, join(path, key), unknownKey(key, path, schema));
  }
  const values: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(schema.fields)) values[key] = read(context, field, written.get(key), join(path, key), quiet);
  return values;
}

function readLeaf(context: Context, leaf: Leaf<unknown>, node: YamlNode | null | undefined, path: string, quiet: boolean): unknown {
  const flag = context.flags.get(path);
  const text = flag ? flag.text : scalarText(context, node, path);
  if (text === undefined) return leaf.default;
  const where = flag ? `-${flag.flag}` : context.source.where(offsetOf(node));
  const parsed = parseLeaf(leaf, text);
  if (!parsed.ok) {
    const hint = leaf.values ? nearest(text, leaf.values) : undefined;
    context.problems.push({ where, path, message: `${leaf.type === 'secret' ? 'is not valid' : parsed.error}${hint ? `; did you mean "${hint}"?` : ''}` });
    return leaf.default;
  }
  if (!quiet) warnLeaf(context, leaf, parsed.value, where, path);
  return parsed.value;
}

function readList(context: Context, schema: List, node: YamlNode | null | undefined, path: string, quiet: boolean): unknown {
  const flag = context.flags.get(path);
  if (flag) return readCommaList(context, schema, flag.text, `-${flag.flag}`, path, quiet);
  if (node === undefined || isEmpty(node)) return schema.default;
  const where = context.source.where(offsetOf(node));
  // Go's flag types print lists as comma-separated text and read them back; so do we.
  if (isScalar(node) && schema.of.kind === 'leaf') return readCommaList(context, schema, scalarText(context, node, path) ?? '', where, path, quiet);
  if (!isSeq(node)) {
    problem(context, offsetOf(node), path, `is ${kindOf(node)}, but must be a list`);
    return schema.default;
  }
  const inner = quiet || schema.status !== 'implemented';
  const values = node.items.map((item, i) => read(context, schema.of, context.source.resolve(item), `${path}[${i}]`, inner));
  if (!sameValue(values, schema.default)) warnSection(context, schema.status, where, path, quiet);
  return values;
}

function readCommaList(context: Context, schema: List, text: string, where: string, path: string, quiet: boolean): unknown {
  const values: unknown[] = [];
  for (const item of text === '' ? [] : text.split(',')) {
    const leaf = schema.of as Leaf<unknown>; // only lists of leaves get here: the callers check
    const parsed = parseLeaf(leaf, item.trim());
    if (parsed.ok) {
      values.push(parsed.value);
      if (!quiet && leaf.status === 'implemented') warnLeaf(context, leaf, parsed.value, where, path);
    } else context.problems.push({ where, path, message: parsed.error });
  }
  if (!sameValue(values, schema.default)) warnSection(context, schema.status, where, path, quiet);
  return values;
}

function readMap(context: Context, schema: MapOf, node: YamlNode | null | undefined, path: string, quiet: boolean): unknown {
  const out: Record<string, unknown> = {};
  if (node === undefined || isEmpty(node)) return out;
  if (!isMap(node)) {
    problem(context, offsetOf(node), path, `is ${kindOf(node)}, but must be a map`);
    return out;
  }
  if (node.items.length > 0) warnSection(context, schema.status, context.source.where(offsetOf(node)), path, quiet);
  for (const { key, keyOffset, value } of context.source.entries(node)) {
    if (schema.of.kind === 'group' && isEmpty(value)) {
      const where = context.source.where(keyOffset);
      context.warnings.push({ where, path: `${path}["${key}"]`, message: 'is empty and is left out', explain: 'write {} for an entry without keys' });
      continue;
    }
    const inner = read(context, schema.of, value, `${path}["${key}"]`, quiet || schema.status !== 'implemented');
    Object.defineProperty(out, key, { value: inner, enumerable: true, configurable: true, writable: true }); // `__proto__` is a key like others
  }
  return out;
}

function scalarText(context: Context, node: YamlNode | null | undefined, path: string): string | undefined {
  if (node === undefined || node === null) return undefined;
  if (!isScalar(node)) {
    problem(context, offsetOf(node), path, `is ${kindOf(node)}, but must be a single value`);
    return undefined;
  }
  if (node.value === null && (node.source === undefined || node.source === '' || /^(~|null)$/i.test(node.source))) return undefined;
  return node.source ?? String(node.value);
}

function warnLeaf(context: Context, leaf: Leaf<unknown>, value: unknown, where: string, path: string): void {
  if (sameValue(value, leaf.default)) return;
  if (leaf.status === 'accepted') context.warnings.push(notImplemented(where, path));
  else if (leaf.works && !leaf.works.includes(String(value)))
    context.warnings.push({ ...notImplemented(where, path), message: `"${String(value)}" is not implemented yet${only(leaf.works)}` });
}

function only(works: readonly string[]): string {
  return works.length > 0 ? `, only ${works.join(', ')}` : '';
}

function warnSection(context: Context, status: Status, where: string, path: string, quiet: boolean): void {
  if (!quiet && status === 'accepted') context.warnings.push(notImplemented(where, path));
}

function notImplemented(where: string, path: string): Warning {
  return {
    where,
    path,
    message: 'is not implemented yet and has no effect',
    explain: 'the key is one of Tempo 2.10; the file loads so that it can be shared with a Tempo',
  };
}

function rename(context: Context, oldPath: string, path: string, node: YamlNode | null, offset: number): void {
  context.renamed.set(path, { oldPath, node, offset });
  context.warnings.push({
    where: context.source.where(offset),
    path: oldPath,
    message: `is an old name, use ${path}`,
    explain: 'old names are still read, as in Tempo 2.10; Tempo 3 refuses them',
  });
}

function unknownKey(key: string, path: string, schema: Group): string {
  const known = Object.keys(schema.fields);
  const near = nearest(key, [...known, ...Object.keys(schema.aliases ?? {})]);
  if (near) return `is not a known key; did you mean "${near}"?`;
  const listed = known.length <= 12 ? known.join(', ') : `${known.slice(0, 12).join(', ')} … (${known.length} keys, see docs/config.md)`;
  return `is not a known key; ${path === '' ? 'the file' : path} has ${listed}`;
}

function problem(context: Context, offset: number, path: string, message: string): void {
  context.problems.push({ where: context.source.where(offset), path, message });
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** Deep equality of values of one schema node. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Secret && b instanceof Secret) return a.reveal() === b.reveal();
  return JSON.stringify(a) === JSON.stringify(b);
}

function offsetOf(node: YamlNode | null | undefined): number {
  return node?.range?.[0] ?? 0;
}

function isEmpty(node: YamlNode | null): node is null {
  return node === null || (isScalar(node) && node.value === null);
}

function kindOf(node: YamlNode): string {
  return isMap(node) ? 'a section' : isSeq(node) ? 'a list' : 'a single value';
}
