import { AppError } from '@vivace/base';
import type { AttributeScope, FieldRef, IntrinsicName } from '@vivace/traceql';
import { parseField } from '@vivace/traceql';

const NO_NAME = 'please provide a non-empty tagName';

/**
 * Reads the name of a tag as the path has it: `resource.service.name`, `.foo`, `name`, `span:status`. Everything after the scope belongs to
 * the name, whatever it is; a name may be quoted as in TraceQL. Rejects with `invalid_argument` what is
 * neither an attribute nor an intrinsic.
 */
export function parseTagName(text: string): FieldRef {
  if (text === '') throw new AppError('invalid_argument', NO_NAME);
  const dot = text.indexOf('.');
  const scope = dot < 0 ? undefined : SCOPES.get(text.slice(0, dot));
  const name = unquote(text.slice(dot + 1));
  if (scope === undefined || name === '') return parseIdentifier(text);
  return attribute(scope, name, text.length);
}

function parseIdentifier(text: string): FieldRef {
  try {
    return parseField(text);
  } catch (reason) {
    throw new AppError('invalid_argument', `please provide a valid tagName: failed to parse identifier ${text}: ${AppError.from(reason).message}`, {
      cause: reason,
    });
  }
}

/** The unscoped names of the first tag API; there `name` is the span name and everything else an attribute of any scope. */
export function parseTagNameV1(text: string): FieldRef {
  if (text === '') throw new AppError('invalid_argument', NO_NAME);
  const intrinsic = text === 'name' ? 'name' : V1_INTRINSICS.get(text);
  return intrinsic === undefined ? attribute('none', text, text.length) : { kind: 'intrinsic', name: intrinsic, loc: { from: 0, to: text.length } };
}

const SCOPES: ReadonlyMap<string, AttributeScope> = new Map([
  ['', 'none'],
  ['span', 'span'],
  ['resource', 'resource'],
  ['event', 'event'],
  ['link', 'link'],
  ['instrumentation', 'instrumentation'],
]);

const V1_INTRINSICS: ReadonlyMap<string, IntrinsicName> = new Map([
  ['root.name', 'rootName'],
  ['rootName', 'rootName'],
  ['root.service.name', 'rootServiceName'],
  ['rootServiceName', 'rootServiceName'],
]);

function attribute(scope: AttributeScope, name: string, length: number): FieldRef {
  return { kind: 'attribute', scope, name, parent: false, loc: { from: 0, to: length } };
}

function unquote(name: string): string {
  return name.length > 1 && name.startsWith('"') && name.endsWith('"') ? name.slice(1, -1).replace(/\\(["\\])/g, '$1') : name;
}
