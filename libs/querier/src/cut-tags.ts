import type { TagsResponse, TagValuesResponse } from '@vivace/query';

/** What fits in `maxBytes` (names in UTF-8), in order; the very answer when all does. */
export function cutTagNames(answer: TagsResponse, maxBytes: number): TagsResponse {
  const room = { bytes: maxBytes };
  const scopes = answer.scopes.map(({ name, tags }) => ({ name, tags: take(tags, (tag) => tag, room) }));
  return room.bytes >= 0 ? answer : { ...answer, scopes };
}

/** What fits in `maxBytes` (values and their types in UTF-8), in order; the very answer when all does. */
export function cutTagValues(answer: TagValuesResponse, maxBytes: number): TagValuesResponse {
  const room = { bytes: maxBytes };
  const values = take(answer.values, ({ type, value }) => type + value, room);
  return room.bytes >= 0 ? answer : { ...answer, values };
}

/** `room` is negative from the first item on that did not fit. */
function take<T>(items: readonly T[], textOf: (item: T) => string, room: { bytes: number }): readonly T[] {
  for (let i = 0; i < items.length; i++) {
    if (room.bytes >= 0) room.bytes -= Buffer.byteLength(textOf(items[i]));
    if (room.bytes < 0) return items.slice(0, i);
  }
  return items;
}
