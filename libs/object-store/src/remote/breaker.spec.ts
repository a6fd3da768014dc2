import type { AppError } from '@vivace/base';
import { beforeEach, describe, expect, it } from 'vitest';
import { Breaker, HEALTH_BYTES } from './breaker.ts';

let nowMs: number;
let ticking: (() => void) | undefined;
let breaker: Breaker;
let health: SharedArrayBuffer;
let probes: number;

beforeEach(() => {
  nowMs = 0;
  probes = 0;
  ticking = undefined;
  health = new SharedArrayBuffer(HEALTH_BYTES);
  breaker = new Breaker({
    health,
    name: 's3 bucket traces',
    now: () => nowMs,
    every(ms, work) {
      expect(ms).toBe(250);
      ticking = work;
      return () => (ticking = undefined);
    },
  });
});

/** Time passes; `during` is called at every tick. */
function pass(ms: number, during: () => void = () => undefined): void {
  for (const untilMs = nowMs + ms; nowMs < untilMs; ) {
    nowMs += 250;
    during();
    ticking?.();
  }
}

function isRefused(): boolean {
  try {
    breaker.check(() => probes++);
    return false;
  } catch (reason) {
    expect(reason).toMatchObject({ code: 'unavailable', reason: 'store_away', retryAfterMs: 1_000 });
    return true;
  }
}

describe('a store that says nothing', () => {
  it('is given up on after three seconds, by all who wait', () => {
    const given: AppError[] = [];
    breaker.wait((reason) => given.push(reason));
    pass(2_000);
    breaker.wait((reason) => given.push(reason));
    pass(750);
    expect([given.length, isRefused()]).toEqual([0, false]);
    pass(250);
    expect(given.map(({ message }) => message)).toEqual(Array(2).fill('s3 bucket traces is away (no answer); it is tried again every second'));
    expect(isRefused()).toBe(true);
  });

  it('is there as soon as anything is answered', () => {
    breaker.wait(() => undefined);
    pass(3_000);
    expect(isRefused()).toBe(true);
    breaker.answered();
    expect(isRefused()).toBe(false);
  });

  it('is tried once a second', () => {
    breaker.wait(() => undefined);
    pass(3_000);
    pass(3_000, () => expect(isRefused()).toBe(true));
    expect(probes).toBe(3);
  });

  it('is given another chance when nobody has asked for a while', () => {
    breaker.wait(() => undefined);
    pass(3_000);
    pass(14_000, () => {
      if (isRefused()) breaker.failed('no answer');
    });
    expect(isRefused()).toBe(true);
    pass(14_750);
    expect(isRefused()).toBe(true);
    pass(1_500);
    expect(isRefused()).toBe(false);
  });

  it('is not what a busy thread takes for one', () => {
    const answered = breaker.wait(() => expect.fail('given up'));
    nowMs += 20_000;
    ticking?.();
    answered(true);
    expect(isRefused()).toBe(false);
  });

  it('has more time when it was slow before', () => {
    let given = 0;
    const answered = breaker.wait(() => given++);
    pass(2_500);
    breaker.answered();
    answered(true);
    breaker.wait(() => given++);
    pass(4_750);
    expect(given).toBe(0);
    pass(250);
    expect(given).toBe(1);
    breaker.answered();
    pass(60_000);
    breaker.wait(() => given++);
    pass(3_000);
    expect(given).toBe(2);
  });
});

describe('a store that several threads read from', () => {
  /** Another thread with a clock of its own. */
  function other() {
    let tick = (): void => undefined;
    const own = new Breaker({ name: 's3', now: () => nowMs, health, every: (_, work) => ((tick = work), () => undefined) });
    return { own, tick: () => tick() };
  }

  it('is away for all when one has found out, and back for all', () => {
    const { own, tick } = other();
    let given = 0;
    breaker.wait(() => undefined);
    pass(2_000);
    own.wait(() => given++);
    pass(1_000);
    tick();
    expect(given).toBe(1);
    expect(() => own.check(() => probes++)).toThrow('is away');
    expect(isRefused()).toBe(true);
    expect(probes, 'one a second').toBe(1);
    own.answered();
    expect(isRefused()).toBe(false);
  });

  it('is there while one of them gets answers', () => {
    const { own } = other();
    breaker.wait(() => expect.fail('given up'));
    for (let i = 0; i < 10; i++) {
      pass(2_000);
      own.answered();
    }
    expect(isRefused()).toBe(false);
  });
});

describe('a store that fails', () => {
  it('is away when nothing else has come for three seconds', () => {
    pass(2_750, () => breaker.failed('500 InternalError'));
    expect(isRefused()).toBe(false);
    pass(250, () => breaker.failed('500 InternalError'));
    expect(() => breaker.check(() => undefined)).toThrow('s3 bucket traces is away (500 InternalError)');
  });

  it('is there when some requests are answered', () => {
    for (let i = 0; i < 10; i++) {
      pass(2_000, () => breaker.failed('500 InternalError'));
      breaker.answered();
    }
    expect(isRefused()).toBe(false);
  });

  it('is not away because one request failed, and nothing is watched then', () => {
    breaker.failed('500 InternalError');
    pass(500);
    breaker.failed('500 InternalError');
    pass(10_000);
    expect([isRefused(), ticking]).toEqual([false, undefined]);
  });
});
