import { setImmediate } from 'node:timers/promises';
import { fromJsonString, toBinary } from '@bufbuild/protobuf';
import type { DescMessage } from '@bufbuild/protobuf';
import type { HttpResponse } from '@vivace/base';

export type Format = 'json' | 'protobuf';

/** What an API handler answers; `inspectedBytes` feeds the metrics of the query. */
export interface Answer extends HttpResponse {
  readonly inspectedBytes?: number;
}

export const CONTENT_TYPE: Readonly<Record<Format, string>> = { json: 'application/json', protobuf: 'application/protobuf' };
export const TEXT = 'text/plain; charset=utf-8';

/**
 * Substrings decide, in this order: protobuf, JSON; anything else is JSON. The form for language models (`application/vnd.grafana.llm`) is
 * answered as JSON, which its clients accept.
 */
export function negotiate(accept: string | undefined): Format {
  return accept?.includes('application/protobuf') ? 'protobuf' : 'json';
}

/** A model in the protobuf JSON shape (see @vivace/query) as a 200 answer in the asked format. */
export function encodeAnswer(schema: DescMessage, model: object, format: Format, inspectedBytes = 0): Answer {
  const answer = jsonAnswer(model, inspectedBytes);
  return format === 'json' ? answer : { ...answer, contentType: CONTENT_TYPE.protobuf, body: toBinary(schema, fromJsonString(schema, answer.body)) };
}

/** The same where there is only JSON. */
export function jsonAnswer(model: object, inspectedBytes: number): Answer & { readonly body: string } {
  return { status: 200, contentType: CONTENT_TYPE.json, body: toJsonText(model), inspectedBytes };
}

/** Written between two turns of others: a few milliseconds. */
const SLICE_CHARS = 262_144;

/**
 * A model that is mostly one long list, its property `list`, as JSON: written in slices, between which the event loop gets its turn. The list comes first.
 * Rejects when nobody waits any more.
 */
export async function listAnswer<K extends string>(
  list: K,
  model: Readonly<Record<K, readonly object[]>>,
  inspectedBytes: number,
  signal: AbortSignal,
): Promise<Answer> {
  const { [list]: items, ...rest } = model;
  const slices: Buffer[] = [];
  let text = `{"${list}":[`;
  for (const [i, one] of items.entries()) {
    text += (i > 0 ? ',' : '') + toJsonText(one);
    if (text.length < SLICE_CHARS) continue;
    slices.push(Buffer.from(text));
    text = '';
    await setImmediate();
    signal.throwIfAborted();
  }
  const end = toJsonText(rest).slice(1);
  text += end === '}' ? ']}' : `],${end}`;
  if (slices.length === 0) return { status: 200, contentType: CONTENT_TYPE.json, body: text, inspectedBytes };
  slices.push(Buffer.from(text));
  return { status: 200, contentType: CONTENT_TYPE.json, body: Buffer.concat(slices), inspectedBytes };
}

/** A model in the protobuf JSON shape as a message. */
export function encodeMessage(schema: DescMessage, model: object): Uint8Array {
  return toBinary(schema, fromJsonString(schema, toJsonText(model)));
}

/** jsonpb writes doubles without a number form as strings. Models hold no null, so a null in the text means one of those is in it. */
function toJsonText(model: object): string {
  const text = JSON.stringify(model);
  return text.includes(':null')
    ? JSON.stringify(model, (_key, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value))
    : text;
}
