import { formatGoDuration } from '@vivace/base';
import type { ScanResult } from '@vivace/otlp';
import { REFUSAL_REASONS } from '@vivace/otlp';
import type { DistributorLimits, IngesterRefusals } from './ports.ts';

export interface ReasonCount {
  /** Label value of `tempo_discarded_spans_total`. */
  readonly reason: string;
  readonly count: number;
  /** For the sender: what is wrong or what to change. */
  readonly explain: string;
}

const EXPLAIN: Readonly<Record<string, string>> = {
  malformed_span: 'not valid protobuf inside',
  invalid_trace_id: 'want 16 bytes, not all zero',
  invalid_span_id: 'want 8 bytes, not all zero',
  invalid_parent_span_id: 'want 8 bytes or none',
};

type AppliedLimits = Pick<DistributorLimits, 'maxBytesPerTrace' | 'maxLiveTraces' | 'maxGlobalLiveTraces'> & { readonly maxNegativeDurationMs: number };

/** Everything refused of one push, in a fixed order, zero counts left out. */
export function reasonCounts(scan: ScanResult, refused: IngesterRefusals, limits: AppliedLimits): ReasonCount[] {
  const negative = formatGoDuration(BigInt(Math.round(limits.maxNegativeDurationMs)) * 1_000_000n);
  const explain: Readonly<Record<string, string>> = {
    ...EXPLAIN,
    invalid_time: `end is before start by more than distributor.max_negative_duration ${negative}`,
  };
  const counts: ReasonCount[] = REFUSAL_REASONS.map((reason, code) => ({ reason, count: scan.refusedByCode[code], explain: explain[reason] ?? '' }));
  counts.push(
    { reason: 'trace_too_large', count: refused.traceTooLarge, explain: `limit global.max_bytes_per_trace ${limits.maxBytesPerTrace}` },
    { reason: 'live_traces_exceeded', count: refused.tooManyLiveTraces, explain: liveTracesLimit(limits) },
  );
  return counts.filter((x) => x.count > 0);
}

/** Which of the two is lower is known to ingesters only. */
function liveTracesLimit({ maxLiveTraces: local, maxGlobalLiveTraces: all }: Pick<AppliedLimits, 'maxLiveTraces' | 'maxGlobalLiveTraces'>): string {
  const ofOne = local > 0 ? [`ingestion.max_traces_per_user ${local}`] : [];
  const ofAll = all > 0 ? [`ingestion.max_global_traces_per_user ${all}`] : [];
  return `limit ${[...ofOne, ...ofAll].join(', or ')}`;
}

/** `refused 3 of 10 spans: 2 invalid_trace_id (want …), 1 malformed_span (…)`; empty when nothing was refused. */
export function refusalMessage(counts: readonly ReasonCount[], spans: number): string {
  if (counts.length === 0) return '';
  const total = counts.reduce((sum, x) => sum + x.count, 0);
  return `refused ${total} of ${spans} spans: ${counts.map((x) => `${x.count} ${x.reason} (${x.explain})`).join(', ')}`;
}
