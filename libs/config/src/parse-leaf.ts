import { parseDurationMs } from '@vivace/base';
import type { Leaf } from './schema/node.ts';
import { Secret } from './secret.ts';

export type Parsed = { readonly ok: true; readonly value: string | number | boolean | Secret } | { readonly ok: false; readonly error: string };

/** Reads the text of a scalar or flag as the leaf's type. The error says what is wrong and what is wanted, without the path. */
export function parseLeaf(leaf: Leaf<unknown>, text: string): Parsed {
  switch (leaf.type) {
    case 'string':
      return { ok: true, value: text };
    case 'secret':
      return { ok: true, value: new Secret(text) };
    case 'enum':
      return leaf.values!.includes(text) ? { ok: true, value: text } : bad(text, `one of ${leaf.values!.map((v) => v || '""').join(', ')}`);
    case 'bool': {
      const value = BOOLEANS.get(text.toLowerCase());
      return value === undefined ? bad(text, 'true or false') : { ok: true, value };
    }
    case 'int':
      return within(leaf, text, parseInteger(text), 'a whole number');
    case 'float':
      return within(leaf, text, FLOAT.test(text) ? Number(text) : undefined, 'a number');
    case 'bytes':
      return within(leaf, text, parseBytes(text), 'a number of bytes such as 1048576 or 10MiB');
    case 'duration':
      return within(
        leaf,
        text,
        parseDurationMs(text),
        /^\d+$/.test(text) ? `a duration with its unit, such as ${text}s` : 'a duration such as 10s, 1h30m or 7d',
      );
  }
}

// What YAML 1.1 (and so Tempo) takes as a boolean, less the one-letter forms.
const BOOLEANS = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['no', false],
  ['off', false],
]);
const FLOAT = /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const BYTES_PART = /(\d+(?:\.\d+)?)\s*([kmgtp]?i?b?)/gy;
const BYTE_UNITS = ['', 'k', 'm', 'g', 't', 'p'];

function bad(text: string, wanted: string): Parsed {
  return { ok: false, error: `"${text}" is not ${wanted}` };
}

function within(leaf: Leaf<unknown>, text: string, value: number | undefined, wanted: string): Parsed {
  if (value === undefined || Number.isNaN(value)) return bad(text, wanted);
  if (leaf.min !== undefined && value < leaf.min) return { ok: false, error: `${text} is below the least allowed value ${leaf.min}` };
  if (leaf.max !== undefined && value > leaf.max) return { ok: false, error: `${text} is above the greatest allowed value ${leaf.max}` };
  return { ok: true, value };
}

function parseInteger(text: string): number | undefined {
  if (/^[+-]?\d[\d_]*$/.test(text)) return safe(Number(text.replaceAll('_', '')));
  if (/^0x[0-9a-f]+$/i.test(text)) return safe(Number(text));
  return FLOAT.test(text) && Number.isInteger(Number(text)) ? safe(Number(text)) : undefined;
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Whole bytes, or sizes with units (1 KB = 1000, 1 KiB = 1024), also strung together as Go prints them (`63KiB1023B`). */
function parseBytes(text: string): number | undefined {
  const plain = parseInteger(text);
  if (plain !== undefined) return plain;
  const body = text.toLowerCase();
  let total = 0;
  BYTES_PART.lastIndex = 0;
  do {
    const match = BYTES_PART.exec(body);
    if (!match || match[2] === '' || match[2] === 'i' || match[2] === 'ib') return undefined;
    const unit = match[2]!;
    const power = BYTE_UNITS.indexOf(unit === 'b' ? '' : unit[0]!);
    total += Number(match[1]) * (unit.includes('i') ? 1024 : 1000) ** power;
  } while (BYTES_PART.lastIndex < body.length);
  return safe(Math.round(total));
}
