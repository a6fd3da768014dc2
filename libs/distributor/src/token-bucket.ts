/** Allows `ratePerSecond` on average and `burst` at once. Times come from the caller. */
export class TokenBucket {
  #tokens: number;
  #atMs: number;

  constructor(burst: number, nowMs: number) {
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes `n` and returns 0, or takes nothing and returns the milliseconds until `n` will be there (Infinity when never). */
  take(n: number, ratePerSecond: number, burst: number, nowMs: number): number {
    this.#refill(ratePerSecond, burst, nowMs);
    if (n <= this.#tokens) {
      this.#tokens -= n;
      return 0;
    }
    return n > burst ? Number.POSITIVE_INFINITY : ((n - this.#tokens) / ratePerSecond) * 1000;
  }

  /** A full bucket remembers nothing that a new one would not. */
  isFull(ratePerSecond: number, burst: number, nowMs: number): boolean {
    this.#refill(ratePerSecond, burst, nowMs);
    return this.#tokens >= burst;
  }

  #refill(ratePerSecond: number, burst: number, nowMs: number): void {
    // A clock that is set back must not drain the bucket.
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#tokens = Math.min(burst, this.#tokens + (elapsedMs / 1000) * ratePerSecond);
  }
}
