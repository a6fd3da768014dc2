import { ProtoWriter } from '@vivace/otlp';
import type { PushOutcome } from './receiver.ts';

/** ExportTraceServiceResponse; no bytes at all when every span was taken, as OTLP wants `partial_success` unset then. */
export function exportResponseProto(outcome: PushOutcome): Uint8Array {
  if (outcome.rejectedSpans === 0 && outcome.message === '') return NOTHING;
  const w = new ProtoWriter(256);
  const partial = w.begin(0x0a);
  if (outcome.rejectedSpans > 0) w.uint(0x08, outcome.rejectedSpans);
  if (outcome.message !== '') w.text(0x12, outcome.message);
  w.end(partial);
  return w.result();
}

/** The same in JSON; in full success with the empty object that Tempo sends. */
export function exportResponseJson(outcome: PushOutcome): string {
  return JSON.stringify({
    partialSuccess: {
      ...(outcome.rejectedSpans === 0 ? {} : { rejectedSpans: String(outcome.rejectedSpans) }),
      ...(outcome.message === '' ? {} : { errorMessage: outcome.message }),
    },
  });
}

const NOTHING = new Uint8Array(0);
