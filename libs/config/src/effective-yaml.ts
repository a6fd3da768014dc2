import { unreachable } from '@vivace/base';
import { stringify } from 'yaml';
import type { Config } from './config.ts';
import { printValue } from './print-value.ts';
import { sameValue } from './read-values.ts';
import { defaultOf, untypedDefault } from './schema/defaults.ts';
import type { Node, Plain } from './schema/node.ts';
import { rootSchema } from './schema/root.ts';

/**
 * The configuration as YAML for `/status/config`: everything, only what differs from the defaults (`diff`), or the defaults alone.
 * Secrets print as `<secret>`, also inside sections that are kept as they were written.
 */
export function effectiveYaml(config: Config, mode?: 'diff' | 'defaults'): string {
  const values = mode === 'defaults' ? defaultOf(rootSchema) : config.values;
  const tree = print(rootSchema, values, mode === 'diff', defaultOf(rootSchema));
  return tree === undefined ? '{}\n' : stringify(tree, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** With `diff`, undefined when `value` is `base`; lists and maps differ as a whole. */
function print(schema: Node, value: unknown, diff: boolean, base: unknown): Plain | undefined {
  if (value === undefined) return undefined;
  switch (schema.kind) {
    case 'leaf':
      return diff && sameValue(value, base) ? undefined : printValue(schema, value);
    case 'optional':
      return print(schema.of, value, diff, untypedDefault(schema.of)) ?? {};
    case 'list':
      if (diff && sameValue(value, base)) return undefined;
      return (value as readonly unknown[]).map((item) => print(schema.of, item, false, undefined) ?? null); // the value follows the schema
    case 'map':
      if (diff && sameValue(value, base)) return undefined;
      return printEntries(Object.entries(value as object).map(([key, item]) => [key, print(schema.of, item, false, undefined)])) ?? {};
    case 'group': {
      const values = value as Record<string, unknown>;
      const bases = base as Record<string, unknown> | undefined;
      return printEntries(Object.entries(schema.fields).map(([key, field]) => [key, print(field, values[key], diff, bases?.[key])]));
    }
    case 'free':
      return redact(value as Plain);
    default:
      return unreachable(schema);
  }
}

function printEntries(entries: readonly (readonly [string, Plain | undefined])[]): Plain | undefined {
  const written = entries.filter((entry): entry is readonly [string, Plain] => entry[1] !== undefined);
  return written.length === 0 ? undefined : Object.fromEntries(written);
}

const SECRET_KEY =
  /pass(word|phrase|wd)?$|secret|token|credential|authorization|(api|access|private|shared|account|encryption)_?key|key_pem|^key$|^headers$|dsn|connection_string/i;
const URL_USER = /^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/i;

/** Sections we do not know the keys of: what looks like a secret is one, with everything below it. */
function redact(value: Plain, isSecret = false): Plain {
  if (isList(value)) return value.map((item) => redact(item, isSecret));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, isSecret || SECRET_KEY.test(key))]));
  if (isSecret && value !== null && typeof value !== 'boolean' && value !== '') return '<secret>';
  return typeof value === 'string' ? value.replace(URL_USER, '$1<secret>@') : value;
}

/** `Array.isArray` does not narrow to read-only arrays. */
function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}
