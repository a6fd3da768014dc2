import { AppError } from '@vivace/base';
import { decodeUtf8, encodeUtf8 } from '@vivace/bytes';
import { visit } from 'jsonc-parser';
import { JsonEncoder, JsonProblem } from './json-encoder.ts';
import { ProtoWriter } from './proto-writer.ts';

/**
 * An OTLP/JSON export request as protobuf bytes. A span that is wrong becomes one that `scanExport` refuses, and `problems` (when given)
 * gets a line with its JSON path, for the first few. Throws `invalid_argument`, with the path, when it is no JSON or broken outside of a span.
 */
export function jsonToProto(input: string | Uint8Array, problems: string[] = []): Uint8Array {
  const text = typeof input === 'string' ? input : decodeUtf8(input, 0, input.length);
  const request = parse(text);
  const writer = new ProtoWriter(text.length);
  const encoder = new JsonEncoder(writer);
  try {
    encoder.request(request);
  } catch (error) {
    if (error instanceof JsonProblem) throw new AppError('invalid_argument', `otlp json: ${error.message}`);
    throw error;
  }
  problems.push(...encoder.problems);
  return writer.result();
}

/** A bare number of so many digits may not fit a double. Strings may look like it too; then the slow path is taken for nothing. */
const LONG_NUMBER = /[:[,\s]-?\d{16}/;

/** JSON.parse, but integers that a double cannot hold come as strings of their digits. A reviver costs several times the parse, so only where needed. */
function parse(text: string): unknown {
  try {
    return LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch (error) {
    // Otherwise a RangeError: nesting exhausts the stack.
    const why = error instanceof SyntaxError ? `${error.message}${offsetText(text, error.message)}` : 'nested too deeply';
    throw new AppError('invalid_argument', `otlp json: ${why}`, { cause: error });
  }
}

const STOP = new Error('the first error was found');

/** Where the text stops being JSON, in bytes, which JSON.parse tells only for some errors. */
function offsetText(text: string, message: string): string {
  let offset = message === 'Unexpected end of JSON input' ? text.length : undefined;
  const onError = (_code: number, at: number): void => {
    offset = at;
    throw STOP;
  };
  try {
    if (offset === undefined) visit(text, { onError }, { disallowComments: true });
  } catch (error) {
    // Deep nesting exhausts its stack too.
    if (error !== STOP) return '';
  }
  return offset === undefined ? '' : ` (byte ${encodeUtf8(text.slice(0, offset)).length})`;
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
  const source = context?.source ?? '';
  return /^-?\d+$/.test(source) ? source : value;
}
