/** Text with `${VAR}` replaced, and the way back from its offsets to those of the original. */
export interface Expanded {
  readonly text: string;
  /** Names without value and without default: they became nothing, as in Tempo. */
  readonly missing: readonly string[];
  originalOffset(offset: number): number;
}

// ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:=default}, ${NAME=default}; a default may hold references itself.
const REFERENCE = /\$\{([A-Za-z_]\w*)(?:(:?[-=])((?:[^{}]|\{[^{}]*\})*))?\}/g;

/** `-config.expand-env`: replaces references in the text, before it is YAML. Anything else with a dollar sign stays as it is. */
export function expandEnv(text: string, env: Readonly<Record<string, string | undefined>>): Expanded {
  const missing: string[] = [];
  const shifts: { at: number; original: number }[] = [];
  let out = '';
  let from = 0;
  for (const match of text.matchAll(REFERENCE)) {
    out += text.slice(from, match.index);
    shifts.push({ at: out.length, original: match.index });
    out += lookUp(match, env, missing);
    from = match.index + match[0].length;
    shifts.push({ at: out.length, original: from });
  }
  out += text.slice(from);
  return { text: out, missing, originalOffset: (offset) => toOriginal(shifts, offset) };
}

/** Offsets of all references in `text`. */
export function findReferences(text: string): number[] {
  return Array.from(text.matchAll(REFERENCE), (match) => match.index);
}

function lookUp(match: RegExpExecArray, env: Readonly<Record<string, string | undefined>>, missing: string[]): string {
  const [, name, operator, fallback] = match;
  const value = env[name!];
  if (value !== undefined && (value !== '' || !operator?.startsWith(':'))) return value;
  if (fallback !== undefined) {
    const expanded = expandEnv(fallback, env);
    missing.push(...expanded.missing);
    return expanded.text;
  }
  if (value === undefined) missing.push(name!);
  return '';
}

/** Inside a replaced text every offset is that of the reference. */
function toOriginal(shifts: readonly { at: number; original: number }[], offset: number): number {
  for (let i = shifts.length - 1; i >= 0; i--) {
    const shift = shifts[i]!;
    if (shift.at > offset) continue;
    const insideReplacement = i % 2 === 0;
    return insideReplacement ? shift.original : shift.original + offset - shift.at;
  }
  return offset;
}
