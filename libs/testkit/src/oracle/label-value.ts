import { formatGoDuration } from '@vivace/base';
import type { Static } from '@vivace/traceql';

/** A value as a label of a series. */
export function shownAs(value: Static): Static {
  if (value.type === 'duration') return { type: 'string', value: formatGoDuration(value.value) };
  return value.type === 'status' || value.type === 'kind' ? { type: 'string', value: value.value } : value;
}
