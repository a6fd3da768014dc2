import type { MessageShape } from '@bufbuild/protobuf';
import type {
  QueryInstantRequestSchema,
  QueryRangeRequestSchema,
  SearchRequestSchema,
  SearchTagsRequestSchema,
  SearchTagValuesRequestSchema,
} from '@vivace/proto';

// What would ask the same over HTTP: `query_frontend.url_deny_list` is written for URLs, and holds for both.

export type UrlParts = readonly [path: string, query: URLSearchParams];

export function searchUrl(asked: MessageShape<typeof SearchRequestSchema>): UrlParts {
  const tags = Object.entries(asked.Tags).map(([key, value]) => `${key}=${value}`);
  const { MinDurationMs: min, MaxDurationMs: max } = asked;
  return url('/api/search', {
    q: asked.Query,
    tags: tags.join(' '),
    minDuration: min && `${min}ms`,
    maxDuration: max && `${max}ms`,
    limit: asked.Limit,
    spss: asked.SpansPerSpanSet,
    start: asked.start,
    end: asked.end,
  });
}

export function tagsUrl(path: string): (asked: MessageShape<typeof SearchTagsRequestSchema>) => UrlParts {
  return ({ scope, query, start, end }) => url(path, { scope, q: query, start, end });
}

export function tagValuesUrl(path: string): (asked: MessageShape<typeof SearchTagValuesRequestSchema>) => UrlParts {
  return ({ tagName, query, start, end }) => url(`${path}/${tagName}/values`, { q: query, start, end });
}

export function metricsUrl(path: string): (asked: MessageShape<typeof QueryRangeRequestSchema | typeof QueryInstantRequestSchema>) => UrlParts {
  return ({ query, start, end }) => url(path, { q: query, start, end });
}

/** What was not said is left out. */
function url(path: string, parameters: Readonly<Record<string, string | number | bigint>>): UrlParts {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.set(name, String(value));
  return [path, query];
}
