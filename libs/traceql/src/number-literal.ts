// Number and duration literals (docs/traceql.md).
import { wordEnd } from './characters.ts';
import { SyntaxProblem } from './query-error.ts';

export type NumberLiteral =
  | { readonly kind: 'int'; readonly value: bigint; readonly to: number }
  | { readonly kind: 'float'; readonly value: number; readonly to: number }
  /** Nanoseconds. */
  | { readonly kind: 'duration'; readonly value: bigint; readonly to: number };

export const MAX_INT64 = 9_223_372_036_854_775_807n;
export const MIN_INT64 = -9_223_372_036_854_775_808n;

const EXPECTED = 'a number such as `500` or `1.5`, or a duration such as `100ms`, `1.5h` or `1d12h`';
const DURATION_CHARACTERS = /[0-9.nsumhµdwy]+/y;
const HEX_FLOAT = /0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?[0-9]+)/y;
const DECIMAL = /(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))([eE][+-]?[0-9]+)?/y;
const PROMETHEUS = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const PROMETHEUS_NS = [31_536_000_000_000_000n, 604_800_000_000_000n, 86_400_000_000_000n, 3_600_000_000_000n, 60_000_000_000n, 1_000_000_000n, 1_000_000n];
const GO_PART = /(\d*)(?:\.(\d*))?(ns|us|µs|ms|s|m|h)/y;
const GO_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Reads the number that begins at `from` (a digit, or a dot before a digit). */
export function readNumber(text: string, from: number): NumberLiteral {
  const literal = readDuration(text, from) ?? readHexFloat(text, from) ?? readDecimal(text, from);
  const end = wordEnd(text, literal.to);
  if (end > literal.to) throw new SyntaxProblem(`bad number: ${text.slice(from, end)}`, { from, to: end }, EXPECTED);
  return literal;
}

/** A duration in nanoseconds: Prometheus units in descending order first, then Go's reading. Undefined when it is neither, or overflows. */
function parseDurationNs(text: string): bigint | undefined {
  return parsePrometheus(text) ?? parseGo(text);
}

function readDuration(text: string, from: number): NumberLiteral | undefined {
  const candidate = match(DURATION_CHARACTERS, text, from)?.[0];
  const value = candidate === undefined ? undefined : parseDurationNs(candidate);
  return value === undefined ? undefined : { kind: 'duration', value, to: from + candidate!.length };
}

function parsePrometheus(text: string): bigint | undefined {
  const parts = PROMETHEUS.exec(text);
  if (!parts || text === '') return undefined;
  let total = 0n;
  for (let i = 0; i < PROMETHEUS_NS.length; i++) total += BigInt(parts[i + 1] ?? 0) * PROMETHEUS_NS[i];
  return total > MAX_INT64 ? undefined : total;
}

function parseGo(text: string): bigint | undefined {
  let total = 0n;
  let at = 0;
  while (at < text.length) {
    const part = match(GO_PART, text, at);
    if (!part) return undefined;
    const [whole, digits, fraction = '', unit] = part;
    if (digits === '' && fraction === '') return undefined;
    total += (BigInt(digits + fraction) * GO_NS[unit]) / 10n ** BigInt(fraction.length);
    if (total > MAX_INT64) return undefined;
    at += whole.length;
  }
  return at === 0 ? undefined : total;
}

function readHexFloat(text: string, from: number): NumberLiteral | undefined {
  const parts = match(HEX_FLOAT, text, from);
  if (!parts) return undefined;
  const [whole, digits, fraction = '', exponent] = parts;
  if (digits + fraction === '') return undefined;
  const value = Number(BigInt(`0x${digits}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
  return float(value, text, from, from + whole.length);
}

function readDecimal(text: string, from: number): NumberLiteral {
  const [whole, fraction, leadingDot, exponent] = match(DECIMAL, text, from)!;
  const to = from + whole.length;
  if (fraction !== undefined || leadingDot !== undefined || exponent !== undefined) return float(Number(whole), text, from, to);
  if (/^0+[0-7]*[89]/.test(whole)) throw new SyntaxProblem(`bad number: ${whole}`, { from, to }, 'a decimal number without a leading zero');
  const value = BigInt(whole);
  if (value > MAX_INT64) throw new SyntaxProblem(`integer out of range: ${whole}`, { from, to }, `at most ${MAX_INT64} (\`maxInt\`; the least is \`minInt\`)`);
  return { kind: 'int', value, to };
}

function float(value: number, text: string, from: number, to: number): NumberLiteral {
  if (!Number.isFinite(value)) throw new SyntaxProblem(`number out of range: ${text.slice(from, to)}`, { from, to });
  return { kind: 'float', value, to };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
