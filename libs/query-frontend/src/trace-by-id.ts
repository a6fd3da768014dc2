import { create, toBinary } from '@bufbuild/protobuf';
import { AppError, parseTraceId } from '@vivace/base';
import type { HttpRequest } from '@vivace/base';
import { PartialStatus, TraceByIDResponseSchema } from '@vivace/proto';
import type { TraceByIdResponse } from '@vivace/query';
import type { Answer } from './encode.ts';
import { CONTENT_TYPE, negotiate, TEXT } from './encode.ts';
import type { Handler, HandlerDeps, TraceCodec } from './handler.ts';
import { openRangeParam } from './params.ts';

/** `GET /api/v2/traces/{id}`: not found is a 200 whose trace is present and empty, which clients rely on. */
export const traceByIdV2: Handler = async (deps, request, param) => {
  const found = await findTrace(deps, request, param, true);
  const format = negotiate(request.headers['accept']);
  const body = format === 'protobuf' ? protoBody(deps.codec, found) : jsonBody(deps.codec, found);
  return { status: 200, contentType: CONTENT_TYPE[format], body, inspectedBytes: found.inspectedBytes };
};

/** `GET /api/traces/{id}`: the bare trace, 404 without a body when there is none, and 422 where v2 would say "partial". */
export const traceByIdV1: Handler = async (deps, request, param): Promise<Answer> => {
  const { trace, partialMessage, inspectedBytes } = await findTrace(deps, request, param, false);
  if (trace === undefined) return { status: 404, contentType: TEXT, body: '', inspectedBytes };
  if (partialMessage !== undefined) return { status: 422, contentType: TEXT, body: `${partialMessage} by /api/v2/traces`, inspectedBytes };
  const format = negotiate(request.headers['accept']);
  const body = format === 'protobuf' ? deps.codec.traceToProto(trace, 0, UNNAMED_SERVICE) : `{"batches":${deps.codec.traceToJson(trace, 0, UNNAMED_SERVICE)}}`;
  return { status: 200, contentType: CONTENT_TYPE[format], body, inspectedBytes };
};

/** OpenTelemetry's name for it. Grafana drops the spans of a resource without attributes. */
const UNNAMED_SERVICE = 'unknown_service';

/** `inPart`: the client can be told that something is missing because the object store is away. */
function findTrace(deps: HandlerDeps, request: HttpRequest, param: string, inPart: boolean): Promise<TraceByIdResponse> {
  return deps.service.findTrace(request.tenant, traceIdOf(param), openRangeParam(request.query, deps.clock.now()), { signal: request.signal, inPart });
}

function traceIdOf(text: string): Uint8Array {
  const id = parseTraceId(text);
  if (typeof id !== 'number') return id;
  if (id < 0) throw new AppError('invalid_argument', `trace IDs can't be larger than 128 bits: ${text.length} hex characters, want 1 to 32`);
  throw new AppError('invalid_argument', `trace IDs can only contain hex characters: invalid character '${text[id]}' at position ${id + 1}`);
}

function protoBody(codec: TraceCodec, { trace, inspectedBytes, partialMessage }: TraceByIdResponse): Uint8Array {
  const message = create(TraceByIDResponseSchema, {
    trace: trace === undefined ? new Uint8Array() : codec.traceToProto(trace, 0, UNNAMED_SERVICE),
    metrics: trace === undefined ? {} : { inspectedBytes: BigInt(inspectedBytes) },
    ...(partialMessage === undefined ? {} : { status: PartialStatus.PARTIAL, message: partialMessage }),
  });
  return toBinary(TraceByIDResponseSchema, message);
}

function jsonBody(codec: TraceCodec, { trace, inspectedBytes, partialMessage }: TraceByIdResponse): string {
  const traceJson = trace === undefined ? '{}' : `{"resourceSpans":${codec.traceToJson(trace, 0, UNNAMED_SERVICE)}}`;
  const metrics = trace === undefined || inspectedBytes === 0 ? '{}' : `{"inspectedBytes":"${inspectedBytes}"}`;
  const partial = partialMessage === undefined ? '' : `,"status":"PARTIAL","message":${JSON.stringify(partialMessage)}`;
  return `{"trace":${traceJson},"metrics":${metrics}${partial}}`;
}
