import { AppError } from '@vivace/base';
import { compileRegex } from '@vivace/traceql';

/** Refuses a request by its path, without the configured prefix, and its parameters. */
export type UrlDenial = (path: string, query: URLSearchParams) => void;

/**
 * `query_frontend.url_deny_list`: RE2 expressions, each of which may match any part of a URL. What they see is what Tempo shows them: the path, and the
 * parameters by name, encoded as Go does it.
 * @throws AppError invalid_argument for a bad expression; so does what is returned, for a URL that is denied.
 */
export function createUrlDenial(expressions: readonly string[]): UrlDenial {
  const denied = expressions.map((expression) => compileRegex(`.*(?:${checked(expression)}).*`));
  return (path, query) => {
    if (denied.length === 0) return;
    const url = urlOf(path, query);
    if (!denied.some((matches) => matches(url))) return;
    const advice = 'This query has been identified as one that destabilizes our system. Contact your system administrator for more information';
    throw new AppError('invalid_argument', `Invalid request ${url}. ${advice}`);
  };
}

/** By itself first: brackets that do not match would pair with those around it. */
function checked(expression: string): string {
  try {
    compileRegex(expression);
  } catch (cause) {
    throw new AppError('invalid_argument', `query_frontend.url_deny_list: ${AppError.from(cause).message}`, { cause });
  }
  return expression;
}

function urlOf(path: string, query: URLSearchParams): string {
  const sorted = new URLSearchParams(query);
  sorted.sort();
  const text = sorted.toString().replaceAll('%7E', '~').replaceAll('*', '%2A');
  return text === '' ? path : `${path}?${text}`;
}
