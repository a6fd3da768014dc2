import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from './codec.ts';

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double().map((x) => x + 0), // -0 comes back as 0
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array(),
  fc.float64Array(),
  fc.uint32Array(),
  fc.int32Array(),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value')), fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }).filter(isPlain)),
}));

function isPlain(object: Record<string, unknown>): boolean {
  return !Object.hasOwn(object, '__proto__');
}

describe('the codec', () => {
  it('gives back what crosses threads', () => {
    fc.assert(
      fc.property(value, (x) => {
        expect(decode(encode(x))).toEqual(x);
      }),
    );
  });

  it('gives typed arrays memory of their own, and leaves out what is undefined', () => {
    const bytes = encode({ sums: new Float64Array([0.5]), ids: new BigInt64Array([-1n]), none: undefined });
    const { sums, ids, ...rest } = decode(Buffer.from(bytes)) as { sums: Float64Array; ids: BigInt64Array };
    bytes.fill(0);
    expect([...sums, ...ids]).toEqual([0.5, -1n]);
    expect(rest).toEqual({});
  });

  it('reads anything without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
