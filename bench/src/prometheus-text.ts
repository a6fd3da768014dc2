/** One bucket of a histogram: how many observations are not above `le` and above the bucket before. */
export interface Bucket {
  readonly le: number;
  readonly count: number;
}

/** A histogram without labels of a Prometheus text page, less what it held on the page `before`. */
export function histogramOf(page: string, before: string, name: string): readonly Bucket[] {
  const earlier = cumulative(before, name);
  let below = 0;
  return [...cumulative(page, name)].map(([le, total]) => {
    const seen = total - (earlier.get(le) ?? 0);
    const count = seen - below;
    below = seen;
    return { le, count };
  });
}

/** Upper bound of the quantile: the `le` of its bucket. Undefined for a histogram without observations. */
export function quantileOf(buckets: readonly Bucket[], quantile: number): number | undefined {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { le, count } of buckets) {
    seen += count;
    if (total > 0 && seen >= total * quantile) return le;
  }
  return undefined;
}

function cumulative(page: string, name: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const line of page.split('\n')) {
    const match = /^(\w+)_bucket\{le="([^"]+)"\} (\S+)/.exec(line);
    if (match?.[1] === name) found.set(match[2] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[2]), Number(match[3]));
  }
  return found;
}
