export interface RequestPath {
  /** Still percent-encoded. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
}

/**
 * The path of a request target, or undefined for one that two servers could read as different paths: what decides about rights here must be what
 * the component serves. So no dot segments, encoded or not, no empty segments, no backslashes, no control characters. An encoded slash is part of a name (tags have them).
 */
export function parseRequestPath(target: string): RequestPath | undefined {
  // No part of a request line, and nothing that ends one.
  if (/[^\x21-\xff]/.test(target)) return undefined;
  // The absolute form, which proxies are sent: RFC 9112, 3.2.2.
  const origin = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]+/i, '');
  const mark = origin.indexOf('?');
  const path = mark === -1 ? origin : origin.slice(0, mark);
  if (!path.startsWith('/') || /[#\\\p{Cc}]|\/\//u.test(path)) return undefined;
  if (path.includes('%')) {
    let decoded: string;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      return undefined;
    }
    if (/\p{Cc}/u.test(decoded) || hasDotSegment(decoded)) return undefined;
  } else if (hasDotSegment(path)) return undefined;
  return { path, query: mark === -1 ? '' : origin.slice(mark) };
}

function hasDotSegment(path: string): boolean {
  return /\/\.{1,2}(?:\/|$)/.test(path);
}
