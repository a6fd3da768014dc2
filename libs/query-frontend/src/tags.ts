import { AppError } from '@vivace/base';
import type { HttpRequest } from '@vivace/base';
import { SearchTagsResponseSchema, SearchTagsV2ResponseSchema, SearchTagValuesResponseSchema, SearchTagValuesV2ResponseSchema } from '@vivace/proto';
import type { TagScope, TagsRequest, TagsResponse, TagValuesRequest, TagValuesResponse } from '@vivace/query';
import type { FieldRef } from '@vivace/traceql';
import { encodeAnswer, negotiate } from './encode.ts';
import type { Handler, HandlerDeps } from './handler.ts';
import { countParam, tagRangeParam, textParam } from './params.ts';
import { parseTagFilter } from './query-text.ts';
import { parseTagName, parseTagNameV1 } from './tag-name.ts';

/** `GET /api/v2/search/tags`: names by scope. */
export const tagsV2: Handler = async (deps, request) => {
  const answer = await deps.service.tags(request.tenant, tagsRequest(deps, request), { signal: request.signal });
  return metadata(SearchTagsV2ResponseSchema, { scopes: filledScopes(answer) }, request, answer.inspectedBytes);
};

/** `GET /api/search/tags`: one flat list, without intrinsics unless they are asked for. */
export const tagsV1: Handler = async (deps, request) => {
  const asked = tagsRequest(deps, request);
  const answer = await deps.service.tags(request.tenant, asked, { signal: request.signal });
  return metadata(SearchTagsResponseSchema, { tagNames: flatNames(answer, asked) }, request, answer.inspectedBytes);
};

/** `GET /api/v2/search/tag/{tag}/values`: values with their types. */
export const tagValuesV2: Handler = async (deps, request, param) => {
  const answer = await deps.service.tagValues(request.tenant, valuesRequest(deps, request, parseTagName(param)), { signal: request.signal });
  return metadata(SearchTagValuesV2ResponseSchema, { tagValues: typedValues(answer) }, request, answer.inspectedBytes);
};

/** `GET /api/search/tag/{tag}/values`: values as text. */
export const tagValuesV1: Handler = async (deps, request, param) => {
  const answer = await deps.service.tagValues(request.tenant, valuesRequest(deps, request, parseTagNameV1(param)), { signal: request.signal });
  return metadata(SearchTagValuesResponseSchema, { tagValues: textValues(answer) }, request, answer.inspectedBytes);
};

/** Clients read the names of every scope there is, so one without names is left out. */
export function filledScopes({ scopes }: TagsResponse): TagsResponse['scopes'] {
  return scopes.filter((scope) => scope.tags.length > 0);
}

/** At most `limit` in all. */
export function flatNames({ scopes }: TagsResponse, asked: TagsRequest): readonly string[] {
  const names = new Set<string>();
  for (const scope of scopes) if (scope.name !== 'intrinsic' || asked.scope === 'intrinsic') for (const tag of scope.tags) names.add(tag);
  const sorted = [...names].sort();
  return asked.limit > 0 ? sorted.slice(0, asked.limit) : sorted;
}

export function typedValues({ values }: TagValuesResponse): readonly object[] {
  return values.map(({ type, value }) => (value === '' ? { type } : { type, value }));
}

export function textValues({ values }: TagValuesResponse): readonly string[] {
  return [...new Set(values.map(({ value }) => value))].sort();
}

const SCOPES: ReadonlySet<string> = new Set<TagScope>(['resource', 'span', 'event', 'link', 'instrumentation', 'intrinsic']);

function tagsRequest({ config, clock }: HandlerDeps, { query }: HttpRequest): TagsRequest {
  return {
    scope: parseScope(textParam(query, 'scope')),
    query: parseTagFilter(textParam(query, 'q'), config.maxQueryBytes),
    range: tagRangeParam(query, clock.now()),
    limit: countParam(query, 'limit') ?? 0,
  };
}

function valuesRequest({ config, clock }: HandlerDeps, { query }: HttpRequest, tag: FieldRef): TagValuesRequest {
  return {
    tag,
    query: parseTagFilter(textParam(query, 'q'), config.maxQueryBytes),
    range: tagRangeParam(query, clock.now()),
    limit: countParam(query, 'limit') ?? 0,
  };
}

/** Undefined is every scope. */
export function parseScope(scope: string | undefined): TagScope | undefined {
  if (scope === undefined || scope === 'none') return undefined;
  if (!SCOPES.has(scope)) throw new AppError('invalid_argument', `invalid scope: ${scope}`);
  return scope as TagScope; // checked against SCOPES
}

type Schema = Parameters<typeof encodeAnswer>[0];

function metadata(schema: Schema, model: object, request: HttpRequest, inspectedBytes: number) {
  const metrics = inspectedBytes === 0 ? {} : { inspectedBytes: String(inspectedBytes) };
  return encodeAnswer(schema, { ...model, metrics }, negotiate(request.headers['accept']), inspectedBytes);
}
