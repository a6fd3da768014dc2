import { AppError } from '@vivace/base';
import type { RequestMethod, RequestObserver } from '../request-observer.ts';
import type { Bucket, Call, Failure } from './bucket.ts';
import { Breaker } from './breaker.ts';
import { isAnswer, isRetryable, toAppError } from './failures.ts';
import { hedge } from './hedge.ts';
import { isTimeout, withDeadline } from './with-deadline.ts';

export interface RequestPolicy {
  /** Most tries of one request, the first included. */
  readonly attempts: number;
  /** Given to every try, besides the time of its bytes. */
  readonly timeoutMs: number;
  /** Hedging of reads: 0 is never. */
  readonly hedgeAfterMs: number;
  readonly hedgeUpTo: number;
}

export interface RequestsDeps {
  readonly bucket: Pick<Bucket, 'name' | 'section' | 'failure'>;
  readonly policy: RequestPolicy;
  readonly observer: RequestObserver;
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
  /** [0, 1) */
  readonly random: () => number;
  /** Milliseconds of a clock that never goes back, the same in all threads. */
  readonly now: () => number;
  /** What threads know together of the store: see `Breaker`. */
  readonly health: SharedArrayBuffer;
  /** Calls `work` every so often until the function it returns is called. */
  readonly every: (ms: number, work: () => void) => () => void;
}

export interface Request {
  readonly method: RequestMethod;
  /** Completes "could not …", of an object "could not … it". */
  readonly what: string;
  /** As the caller named it; empty for listings. */
  readonly key: string;
  /** That travel, in either direction; they give the request time. */
  readonly bytes: number;
  readonly signal: AbortSignal | undefined;
}

/** An answer that ended before it was complete, though the store closed it properly. It is asked for again; `error` is what the caller is told in the end. */
export class ShortAnswer extends Error {
  readonly error: AppError;

  constructor(error: AppError) {
    super(error.message);
    this.error = error;
  }
}

const PROBE_TIMEOUT_MS = 5_000;
const MAX_TIMEOUT_MS = 600_000;
/** 256 KiB/s: what is slower counts as hanging. */
const MIN_BYTES_PER_MS = 262;
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;
const MAX_STORE_DELAY_MS = 15_000;

/**
 * Makes requests to a bucket that may fail, hang and be slow: each try has a time limit, tries are repeated with full jitter, and all are counted. Reads of objects, which somebody waits for, fail at
 * once while the store is away.
 */
export class Requests {
  readonly #deps: RequestsDeps;
  readonly #breaker: Breaker;

  constructor(deps: RequestsDeps) {
    this.#deps = deps;
    this.#breaker = new Breaker({ name: deps.bucket.name, every: deps.every, now: deps.now, health: deps.health });
  }

  /** A request whose answer is small. Rejects with an AppError, or with the reason of the signal. */
  run<T>(request: Request, send: (call: Call) => Promise<T>): Promise<T> {
    return this.#tries(request, (signal) => this.#counted(request.method, signal, send));
  }

  /** A request whose answer is `open`ed, hedged if configured, and then `read`; when either fails, both are tried again. `discard` takes answers nobody reads. */
  read<O, T>(request: Request, open: (call: Call) => Promise<O>, read: (opened: O, signal: AbortSignal) => Promise<T>, discard: (late: O) => void): Promise<T> {
    const { policy, observer } = this.#deps;
    const launch = (one: AbortSignal): Promise<O> => this.#counted(request.method, one, open);
    const probe = (): void => void withDeadline(PROBE_TIMEOUT_MS, undefined, async (signal) => discard(await launch(signal))).catch(() => undefined);
    return this.#tries(request, async (outer) => {
      try {
        this.#breaker.check(probe);
      } catch (reason) {
        observer.refused();
        throw reason;
      }
      const stop = new AbortController();
      const signal = AbortSignal.any([outer, stop.signal]);
      const answered = this.#breaker.wait((reason) => stop.abort(reason));
      let opened: O;
      try {
        opened =
          policy.hedgeAfterMs > 0 && policy.hedgeUpTo > 1
            ? await hedge({ afterMs: policy.hedgeAfterMs, upTo: policy.hedgeUpTo, signal, launch, onHedge: () => observer.hedged(), discard })
            : await launch(signal);
      } catch (reason) {
        answered(false);
        if (!stop.signal.aborted) throw reason;
        observer.refused();
        throw stop.signal.reason;
      }
      answered(true);
      return read(opened, outer);
    });
  }

  async #counted<T>(method: RequestMethod, signal: AbortSignal, send: (call: Call) => Promise<T>): Promise<T> {
    const { bucket, observer, now } = this.#deps;
    const call: Call = { signal, status: 0 };
    const fromMs = now();
    let status: number | undefined;
    try {
      const answer = await send(call);
      status = call.status;
      this.#breaker.answered();
      return answer;
    } catch (reason) {
      const failure = bucket.failure(reason);
      status = failure.status ?? (call.status || undefined);
      if (isAnswer({ ...failure, status })) this.#breaker.answered();
      else if (isTold(status, signal))
        this.#breaker.failed(signal.aborted ? 'no answer' : status === undefined ? failure.message : `${status} ${failure.code}`);
      throw reason;
    } finally {
      if (isTold(status, signal)) observer.request(method, status === undefined ? 'error' : String(status), (now() - fromMs) / 1_000);
    }
  }

  async #tries<T>(request: Request, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { bucket, policy, sleep } = this.#deps;
    const { signal } = request;
    for (let tried = 1; ; tried++) {
      signal?.throwIfAborted();
      try {
        return await withDeadline(Math.min(MAX_TIMEOUT_MS, policy.timeoutMs + request.bytes / MIN_BYTES_PER_MS), signal, attempt);
      } catch (reason) {
        signal?.throwIfAborted();
        if (reason instanceof AppError) throw reason;
        const failure = reason instanceof ShortAnswer ? { code: 'ShortAnswer', message: reason.message } : bucket.failure(reason);
        if (tried >= policy.attempts || !isRetryable(failure))
          throw reason instanceof ShortAnswer ? reason.error : toAppError(failure, bucket, request.what, request.key, reason);
        await sleep(this.#delay(tried, failure), signal);
      }
    }
  }

  #delay(tried: number, { retryAfterMs = 0 }: Failure): number {
    const jittered = this.#deps.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (tried - 1));
    return Math.min(MAX_STORE_DELAY_MS, retryAfterMs) + jittered;
  }
}

/** A request that was called off says nothing about the store; one that ran out of time, or was given up on because nothing is answered, does. */
function isTold(status: number | undefined, { aborted, reason }: AbortSignal): boolean {
  return status !== undefined || !aborted || isTimeout(reason) || (reason instanceof AppError && reason.reason === 'store_away');
}
