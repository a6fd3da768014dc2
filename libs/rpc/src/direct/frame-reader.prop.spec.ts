import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyPool } from './body-pool.ts';
import { FrameReader } from './frame-reader.ts';
import { answerPrefix, bareFrame, failureFrame, hello, readFailure, readHello, readRequest, requestPrefix } from './protocol.ts';

const LIMIT = 200_000;
const KINDS = 7;

interface Seen {
  readonly hellos: number[];
  readonly frames: { readonly kind: number; readonly call: number; readonly body: Buffer }[];
  readonly tooLong: { readonly call: number; readonly bytes: number }[];
}

function reader(pool = new BodyPool(1 << 20)) {
  const seen: Seen = { hellos: [], frames: [], tooLong: [] };
  const made = new FrameReader(
    {
      hello: (bytes) => void seen.hellos.push(readHello(bytes)),
      limit: (kind) => (kind >= 1 && kind <= KINDS ? LIMIT : undefined),
      frame(kind, call, body) {
        seen.frames.push({ kind, call, body: Buffer.from(body) });
        pool.give(body);
      },
      tooLong: (_kind, call, bytes) => void seen.tooLong.push({ call, bytes }),
    },
    pool,
  );
  return { seen, read: (bytes: Buffer) => made.read(bytes), end: () => made.end() };
}

/** Given in pieces that end where `cuts` say. */
function readCut(bytes: Buffer, cuts: readonly number[]): Seen {
  const { seen, read } = reader();
  let from = 0;
  for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    // As sockets do, whose memory is used again.
    const piece = Buffer.from(bytes.subarray(from, to));
    read(piece);
    piece.fill(0xaa);
    from = to;
  }
  return seen;
}

const call = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 0, max: LIMIT - 70_000 }).map((n) => new Uint8Array(n).fill(n & 0xff)),
);
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe('frames of direct calls', () => {
  it('come out as they went in, however they are cut', () => {
    const request = fc.record({ call, path: text, tenant: text, timeoutMs: fc.nat(), message: bytes });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 8 }), cuts, fc.nat({ max: 0xffff_ffff }), (requests, at, limit) => {
        const parts = requests.flatMap((r) => [requestPrefix(r.call, r, r.message.length), r.message]);
        const seen = readCut(Buffer.concat([hello(limit), ...parts]), at);
        expect(seen.hellos).toEqual([limit]);
        expect(seen.frames.map(({ kind }) => kind)).toEqual(requests.map(() => 1));
        const got = seen.frames.map((frame) => ({ ...readRequest(frame.body), call: frame.call }));
        expect(got.map((r) => ({ ...r, message: Buffer.from(r.message).toString('hex') }))).toEqual(
          requests.map((r) => ({ ...r, message: Buffer.from(r.message).toString('hex') })),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('of all kinds come in order, and those that are too long are passed over', () => {
    const frame = fc.oneof(
      fc.record({ call, long: fc.constant(false), kind: fc.constant(4), body: bytes }),
      fc.record({ call, long: fc.constant(false), kind: fc.integer({ min: 1, max: KINDS }), body: fc.constant(new Uint8Array(0)) }),
      fc.record({ call, long: fc.constant(true), kind: fc.constant(4), body: fc.constant(new Uint8Array(LIMIT + 1)) }),
    );
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), cuts, (frames, at) => {
        const parts = frames.flatMap((f) => (f.kind === 4 ? [answerPrefix(f.call, f.body.length), f.body] : [bareFrame(f.kind, f.call)]));
        const seen = readCut(Buffer.concat([hello(1), ...parts]), at);
        const short = frames.filter(({ long }) => !long);
        expect(seen.frames.map((f) => [f.kind, f.call, f.body.length])).toEqual(short.map((f) => [f.kind, f.call, f.body.length]));
        expect(seen.frames.every((f, i) => f.body.equals(short[i].body))).toBe(true);
        expect(seen.tooLong).toEqual(frames.filter(({ long }) => long).map((f) => ({ call: f.call, bytes: LIMIT + 1 })));
      }),
      { numRuns: 100 },
    );
  });

  it('carry errors with their code and text', () => {
    fc.assert(
      fc.property(call, fc.integer({ min: 0, max: 255 }), text, (number, code, details) => {
        const { frames } = readCut(Buffer.concat([hello(1), failureFrame(number, code, details)]), []);
        expect(frames[0].call).toBe(number);
        expect(readFailure(frames[0].body)).toEqual({ code, details });
      }),
    );
    expect(readFailure(Buffer.alloc(0))).toEqual({ code: 13, details: '' });
    expect(failureFrame(1, 13, 'x'.repeat(1_000_000)).length).toBeLessThan(17_000);
  });

  it('of a stranger are refused, or taken, but nothing else', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.concat([hello(5), b])),
      // Right headers with wrong bodies.
      fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), call, fc.uint8Array({ maxLength: 30 }))).map((frames) =>
        Buffer.concat([
          hello(5),
          ...frames.flatMap(([kind, number, body]) => {
            const header = bareFrame(kind, number);
            header.writeUInt32LE(body.length, 0);
            return [header, body];
          }),
        ]),
      ),
    );
    fc.assert(
      fc.property(anything, cuts, (given, at) => {
        let refusal: unknown;
        let seen: Seen = { hellos: [], frames: [], tooLong: [] };
        try {
          seen = readCut(Buffer.from(given), at);
        } catch (reason) {
          refusal = reason;
        }
        if (refusal !== undefined) expect(refusal).toBeInstanceOf(AppError);
        for (const { body } of seen.frames) {
          try {
            expect(readRequest(body).message.length).toBeLessThanOrEqual(body.length);
          } catch (reason) {
            expect(reason).toMatchObject({ code: 'invalid_argument' });
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a length that is only claimed', () => {
  const claim = (kind: number, length: number): Buffer => {
    const header = bareFrame(kind, 7);
    header.writeUInt32LE(length, 0);
    return Buffer.concat([hello(1), header]);
  };

  it('reserves a megabyte at most', () => {
    const taken: number[] = [];
    class CountingPool extends BodyPool {
      override take(size: number): Buffer {
        taken.push(size);
        return super.take(size);
      }
    }
    const limit = 1 << 30;
    const made = new FrameReader({ hello: () => undefined, limit: () => limit, frame: () => undefined, tooLong: () => undefined }, new CountingPool(0));
    made.read(claim(4, limit));
    expect(taken).toEqual([1 << 20]);
    for (let i = 0; i < 3; i++) made.read(Buffer.alloc(1 << 20));
    expect(taken).toEqual([1 << 20, 2 << 20, 4 << 20]);
  });

  it('above the limit reserves nothing and is told at once', () => {
    const { seen, read } = reader();
    read(claim(4, 0xffff_ffff));
    expect(seen.tooLong).toEqual([{ call: 7, bytes: 0xffff_ffff }]);
    for (let i = 0; i < 10; i++) read(Buffer.alloc(100_000));
    expect(seen.frames).toEqual([]);
  });
});

describe('memory for bodies', () => {
  it('is used again when it was given back, once, and not when a stranger gives it', () => {
    const pool = new BodyPool(1 << 20);
    const first = pool.take(100_000);
    expect(first.length).toBe(131_072);
    pool.give(first.subarray(5, 10));
    pool.give(first);
    const second = pool.take(120_000);
    expect(second.buffer).toBe(first.buffer);
    expect(pool.take(120_000).buffer).not.toBe(first.buffer);
    const foreign = Buffer.alloc(131_072);
    pool.give(foreign);
    expect(pool.take(131_072).buffer).not.toBe(foreign.buffer);
  });

  it('is kept up to its limit', () => {
    const pool = new BodyPool(100_000);
    const bodies = [pool.take(1), pool.take(1)];
    for (const body of bodies) pool.give(body);
    expect(pool.take(1).buffer).toBe(bodies[0].buffer);
    expect(pool.take(1).buffer).not.toBe(bodies[1].buffer);
  });

  it('of a body that does not come whole goes back', () => {
    const pool = new BodyPool(1 << 20);
    const { read, end } = reader(pool);
    const header = answerPrefix(1, 150_000);
    read(Buffer.concat([hello(1), header, Buffer.alloc(10)]));
    end();
    const again = pool.take(150_000);
    expect(again.subarray(0, 10)).toEqual(Buffer.alloc(10));
    expect(pool.take(150_000).buffer).not.toBe(again.buffer);
  });
});
