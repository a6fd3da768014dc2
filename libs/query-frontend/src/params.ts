// Query parameters, with errors worded as Tempo's clients know them: they are Go's strconv and time texts.
import { AppError, formatGoDuration, parseDurationMs } from '@vivace/base';
import type { TimeRange } from '@vivace/query';

/** Absent and empty mean the same. */
export function textParam(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

/** A base-10 int64; undefined when absent. */
export function intParam(query: URLSearchParams, name: string): number | undefined {
  const text = textParam(query, name);
  return text === undefined ? undefined : parseInteger(text, `invalid ${name}`);
}

/** An integer that may be 0 but not negative. */
export function countParam(query: URLSearchParams, name: string): number | undefined {
  const value = intParam(query, name);
  if (value !== undefined && value < 0) throw invalid(`invalid ${name}: must be a non-negative number`);
  return value;
}

/** `since`, a Prometheus duration, in nanoseconds; undefined when absent. */
export function sinceNsParam(query: URLSearchParams): bigint | undefined {
  const ms = sinceMs(query);
  return ms === undefined ? undefined : BigInt(Math.round(ms * 1e6));
}

/** Seconds, whole or not, or a Go duration, in nanoseconds; undefined when absent. */
export function stepNsParam(query: URLSearchParams): bigint | undefined {
  const text = textParam(query, 'step');
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text) ?? (NUMBER.test(text) ? Number(text) * 1_000 : NaN);
  if (!(Math.abs(ms) <= MAX_DURATION_MS)) throw invalid(`invalid step: cannot parse ${JSON.stringify(text)} to a valid duration`);
  return BigInt(Math.round(ms * 1e6));
}

/** A Go duration in nanoseconds; zero is the same as absent. */
export function durationNsParam(query: URLSearchParams, name: string): bigint | undefined {
  const text = textParam(query, name);
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 0 || ms > MAX_DURATION_MS) throw invalid(`invalid ${name}: time: invalid duration ${JSON.stringify(text)}`);
  return ms === 0 ? undefined : BigInt(Math.round(ms * 1e6));
}

/** `since` (a Prometheus duration back from now), which wins over the others, or `start` and `end` in unix seconds, both or neither; two zeros are the same as neither. */
export function rangeParam(query: URLSearchParams, nowMs: number): TimeRange | undefined {
  const since = sinceParam(query, nowMs);
  if (since) return since;
  const startSec = secondsParam(query, 'start');
  const endSec = secondsParam(query, 'end');
  return checkedRange(startSec, endSec);
}

/** As `rangeParam`, but one of `start` and `end` may be absent: there is no bound then. */
export function openRangeParam(query: URLSearchParams, nowMs: number): TimeRange | undefined {
  const since = sinceParam(query, nowMs);
  if (since) return since;
  const startSec = secondsParam(query, 'start') ?? 0;
  const endSec = secondsParam(query, 'end') ?? 0;
  return checkedRange(startSec, startSec > 0 && endSec === 0 ? MAX_SECONDS : endSec);
}

/** Both or neither; two zeros are the same as neither. */
export function checkedRange(startSec: number | undefined, endSec: number | undefined): TimeRange | undefined {
  if (!startSec && !endSec) return undefined;
  const received = `received start=${startSec ?? 0} end=${endSec ?? 0}`;
  if (startSec === undefined || endSec === undefined) throw invalid(`http parameters start and end must be given together. ${received}`);
  if (startSec >= endSec) throw invalid(`http parameter start must be before end. ${received}`);
  return { startSec, endSec };
}

function sinceParam(query: URLSearchParams, nowMs: number): TimeRange | undefined {
  const ms = sinceMs(query);
  if (ms === undefined) return undefined;
  const endSec = Math.ceil(nowMs / 1_000);
  return { startSec: Math.max(0, endSec - Math.ceil(ms / 1_000)), endSec };
}

function sinceMs(query: URLSearchParams): number | undefined {
  const text = textParam(query, 'since');
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms === undefined || ms <= 0 || ms > MAX_DURATION_MS) throw invalid(`invalid since: not a valid duration string: ${JSON.stringify(text)}`);
  return ms;
}

/** Refuses a range longer than `maxMs`; 0 means no limit. Grafana recognises this text and suggests a shorter range. */
export function checkSearchRange(range: TimeRange | undefined, maxMs: number, key: string): void {
  if (range === undefined || maxMs === 0 || (range.endSec - range.startSec) * 1_000 <= maxMs) return;
  const limit = formatGoDuration(BigInt(Math.round(maxMs)) * 1_000_000n);
  throw invalid(`range specified by start and end exceeds ${limit}. received start=${range.startSec} end=${range.endSec}, limit set by ${key}`);
}

/** What is reachable from now when only one end of a range is given, as Tempo's tag queries do. */
const DEFAULT_SINCE_SEC = 3_600;

/** `since`, or `start` and `end` of a tag query: seconds, fractional seconds, nanoseconds or RFC 3339; one may be absent. */
export function tagRangeParam(query: URLSearchParams, nowMs: number): TimeRange | undefined {
  const since = sinceParam(query, nowMs);
  if (since) return since;
  return tagRange(tagTimeParam(query, 'start'), tagTimeParam(query, 'end'), nowMs);
}

/** One of the two may be absent; two zeros are the same as neither. */
export function tagRange(start: number | undefined, end: number | undefined, nowMs: number): TimeRange | undefined {
  if (!start && !end) return undefined;
  const endSec = end ?? Math.ceil(nowMs / 1_000);
  const startSec = start ?? Math.max(0, endSec - DEFAULT_SINCE_SEC);
  if (startSec >= endSec) throw invalid(`http parameter start must be before end. received start=${startSec} end=${endSec}`);
  return { startSec, endSec };
}

const MAX_DURATION_MS = 9_223_372_036_854;
const MAX_SECONDS = 0xffff_ffff;
const NS_PER_SEC = 1_000_000_000n;
const MAX_INT64 = (1n << 63n) - 1n;
const INTEGER = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const DECIMAL = /^\d+(\.\d*)?$/;
const FRACTION = /\.(\d+)/;
/** Digits of a time of our days by its unit: as nanoseconds it would be one of January to April 1970. */
const MISTAKEN_UNIT: ReadonlyMap<number, string> = new Map([
  [13, 'milliseconds'],
  [16, 'microseconds'],
]);
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function secondsParam(query: URLSearchParams, name: string): number | undefined {
  const value = intParam(query, name);
  if (value !== undefined && (value < 0 || value > MAX_SECONDS)) throw invalid(`invalid ${name}: ${outOfRange(String(value))}`);
  return value;
}

function tagTimeParam(query: URLSearchParams, name: string): number | undefined {
  const text = textParam(query, name);
  if (text === undefined) return undefined;
  const problem = `error parsing date range: could not parse '${name}' parameter`;
  const seconds = Number(parseTimeNs(text, problem) / NS_PER_SEC);
  if (seconds > MAX_SECONDS) throw invalid(`${problem}: ${outOfRange(text)}`);
  return seconds;
}

/** A time in unix nanoseconds: seconds (up to 10 digits), fractional seconds, nanoseconds (more digits) or RFC 3339. Zero is the same as absent. */
export function timeNsParam(query: URLSearchParams, name: string): bigint | undefined {
  const text = textParam(query, name);
  return text === undefined ? undefined : parseTimeNs(text, `invalid ${name}`) || undefined;
}

function parseTimeNs(text: string, problem: string): bigint {
  const ns = RFC_3339.test(text) ? rfc3339Ns(text) : DECIMAL.test(text) ? decimalNs(text, problem) : undefined;
  if (ns === undefined || ns < 0n) throw invalid(`${problem}: ${invalidSyntax(text)}`);
  if (ns > MAX_INT64) throw invalid(`${problem}: ${outOfRange(text)}`);
  return ns;
}

function decimalNs(text: string, problem: string): bigint {
  const [whole, fraction] = text.split('.');
  if (fraction !== undefined || whole.length <= 10) return BigInt(whole) * NS_PER_SEC + BigInt((fraction ?? '').slice(0, 9).padEnd(9, '0'));
  const unit = MISTAKEN_UNIT.get(whole.length);
  if (unit !== undefined) throw invalid(`${problem}: ${text} looks like unix ${unit}, want seconds, nanoseconds or RFC 3339`);
  return BigInt(whole);
}

/** Undefined for a date there is not, such as the 13th month, or 30 February, which JavaScript takes for 2 March. */
function rfc3339Ns(text: string): bigint | undefined {
  const ms = Date.parse(text.replace(FRACTION, ''));
  const day = text.slice(0, 10);
  return Number.isNaN(ms) || !new Date(day).toISOString().startsWith(day)
    ? undefined
    : BigInt(ms) * 1_000_000n + BigInt((FRACTION.exec(text)?.[1] ?? '').slice(0, 9).padEnd(9, '0'));
}

function parseInteger(text: string, problem: string): number {
  if (!INTEGER.test(text)) throw invalid(`${problem}: ${invalidSyntax(text)}`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw invalid(`${problem}: ${outOfRange(text)}`);
  return value;
}

const invalidSyntax = (text: string): string => `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
const outOfRange = (text: string): string => `strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`;

function invalid(message: string): AppError {
  return new AppError('invalid_argument', message);
}
