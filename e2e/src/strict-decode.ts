import { fromBinary, fromJsonString, toBinary, toJson } from '@bufbuild/protobuf';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { TimeSeriesSchema } from '@vivace/proto';
import { expect } from 'vitest';
import type { Vivace } from './vivace.ts';

// Answers as the strictest clients read them: an unknown field, a number where a string belongs, a default written out is a failure.

export type Label = MessageShape<typeof TimeSeriesSchema>['labels'][number];

export interface RawAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

export async function ask(vivace: Vivace, pathAndQuery: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
  const response = await fetch(vivace.http + pathAndQuery, { headers, signal: AbortSignal.timeout(30_000) });
  const { status } = response;
  return { status, type: response.headers.get('content-type'), headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** The message a 200 with JSON stands for, once it is exactly what protobuf's JSON form of that message is. */
export async function askJson<S extends DescMessage>(vivace: Vivace, schema: S, pathAndQuery: string): Promise<MessageShape<S>> {
  const { status, type, bytes } = await ask(vivace, pathAndQuery, { accept: 'application/json' });
  const text = Buffer.from(bytes).toString();
  expect({ status, type }, `${pathAndQuery}: ${text.slice(0, 1_000)}`).toEqual({ status: 200, type: 'application/json' });
  return decodeJson(schema, text);
}

/** Throws on unknown fields. Empty lists are as good as absent; everything else must be as protobuf writes it. */
function decodeJson<S extends DescMessage>(schema: S, text: string): MessageShape<S> {
  const decoded = fromJsonString(schema, text, { ignoreUnknownFields: false });
  expect(withoutEmptyLists(JSON.parse(text)), 'names, forms of numbers and absent defaults as protobuf writes them').toEqual(toJson(schema, decoded));
  return decoded;
}

/** The message a 200 with protobuf holds, once it is known to hold nothing else. */
export async function askProto<S extends DescMessage>(vivace: Vivace, schema: S, pathAndQuery: string): Promise<MessageShape<S>> {
  const { status, type, bytes } = await ask(vivace, pathAndQuery, { accept: 'application/protobuf' });
  expect({ status, type }, pathAndQuery).toEqual({ status: 200, type: 'application/protobuf' });
  const decoded = fromBinary(schema, bytes, { readUnknownFields: true });
  expect(fromBinary(schema, toBinary(schema, decoded, { writeUnknownFields: false })), 'no unknown fields').toEqual(decoded);
  return decoded;
}

function withoutEmptyLists(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutEmptyLists);
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutEmptyLists(value)]));
}

/** Keys and values of labels or attributes. */
export function labelsOf(labels: readonly Label[]): [string, unknown][] {
  return labels.map(({ key, value }) => [key, value!.value.value]);
}
