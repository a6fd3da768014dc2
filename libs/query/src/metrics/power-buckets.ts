// The buckets of histograms and quantiles. A value lies in the bucket of the smallest bound that is not below it; bounds are the powers of two (of
// any exponent, fractions included), zero, and the negated powers. Exponents are exact: taken from the bits, never from a logarithm.

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** Added to an exponent, so that the keys of positive numbers, of zero and of negative numbers are in the order of their bounds. */
const BIAS = 2_048;
/** Keys are small positive integers. */
const ZERO = 4_096;

/** The key of bound 1; that of `2^n` is `n` more. */
export const ONE = ZERO + BIAS;

/** The key of the bucket of a finite number. Keys are ordered as the bounds. */
export function bucketOf(value: number): number {
  if (value >= MIN_NORMAL) {
    double[0] = value;
    return bucketOfWords(words[1], words[0]);
  }
  if (value > 0) return bucketOf(value * 2 ** 60) - 60;
  return value === 0 ? ZERO : ZERO - BIAS - floorLog2(-value);
}

/** `bucketOf` of a positive normal number, by its two words. */
export function bucketOfWords(high: number, low: number): number {
  return ONE - 1_023 + (high >>> 20) + ((high & 0x000f_ffff) === 0 && low === 0 ? 0 : 1);
}

/** The bound of a bucket: at least every value in it, and less than twice in magnitude. */
export function boundOf(key: number): number {
  if (key === ZERO) return 0;
  if (key < ZERO) return -power(ZERO - BIAS - key);
  // Values above 2^1023 have no power of two above them.
  return key - ZERO - BIAS > 1_023 ? Number.MAX_VALUE : power(key - ZERO - BIAS);
}

/**
 * Quantile `q` of counts by bucket; keys ascending, counts positive. Whole buckets up to the rank; inside the one that holds it exponential
 * interpolation from the previous bucket that is not empty (docs/traceql.md, "Metrics").
 */
export function quantileOf(q: number, keys: readonly number[], counts: readonly number[]): number {
  let total = 0;
  for (const count of counts) total += count;
  const rank = Math.max(1, Math.ceil(q * total));
  let below = 0;
  for (let i = 0; i < keys.length; i++) {
    if (below + counts[i] < rank) {
      below += counts[i];
      continue;
    }
    if (below + counts[i] === rank) return boundOf(keys[i]);
    return interpolate((rank - below) / counts[i], i > 0 ? keys[i - 1] : undefined, keys[i]);
  }
  return 0;
}

function interpolate(fraction: number, previous: number | undefined, key: number): number {
  if (key === ZERO) return 0;
  if (key > ZERO) {
    const high = key - ZERO - BIAS;
    const low = previous !== undefined && previous > ZERO ? previous - ZERO - BIAS : high - 1;
    return finite(2 ** (low + (high - low) * fraction));
  }
  const near = ZERO - BIAS - key;
  const far = previous === undefined ? near + 1 : ZERO - BIAS - previous;
  return -finite(2 ** (far + (near - far) * fraction));
}

function finite(value: number): number {
  return Math.min(value, Number.MAX_VALUE);
}

/** `2 ** exponent`; exact, as `**` need not be. */
function power(exponent: number): number {
  if (exponent < -1_022) return power(exponent + 1_000) * power(-1_000);
  words[1] = (exponent + 1_023) << 20;
  words[0] = 0;
  return double[0];
}

function floorLog2(value: number): number {
  if (value < MIN_NORMAL) return floorLog2(value * 2 ** 60) - 60;
  double[0] = value;
  return (words[1] >>> 20) - 1_023;
}

/** Below, doubles have no exponent of their own. */
const MIN_NORMAL = 2 ** -1_022;
