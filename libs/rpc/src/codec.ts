import { Decoder, Encoder, ExtensionCodec } from '@msgpack/msgpack';
import { AppError } from '@vivace/base';

// Typed arrays are extensions: their type, then their bytes, little-endian as in memory. A Uint8Array is MessagePack's own `bin`.
const ARRAYS = [Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array] as const;
const extensionCodec = new ExtensionCodec();
for (const [type, TypedArray] of ARRAYS.entries()) {
  extensionCodec.register({
    type,
    encode: (value) => (value instanceof TypedArray ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null),
    // A copy, so that it is aligned and pins nothing; not by `slice`, which of a Buffer is a view.
    decode: (bytes) => new TypedArray(new Uint8Array(bytes).buffer),
  });
}
const encoder = new Encoder({ extensionCodec, useBigInt64: true, ignoreUndefined: true, maxDepth: 200 });
const decoder = new Decoder({ extensionCodec, useBigInt64: true });

/**
 * Plain data, as it crosses threads, as bytes: MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md). Objects, arrays, strings, numbers, bigints of 64 bits,
 * typed arrays. What is undefined is left out of objects and null in arrays.
 */
export function encode(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/** The value again. A `Uint8Array` in it is a view into `bytes`, other typed arrays have memory of their own. Throws `invalid_argument` when it is not MessagePack. */
export function decode(bytes: Uint8Array): unknown {
  try {
    return decoder.decode(bytes);
  } catch (reason) {
    throw new AppError('invalid_argument', `rpc message of ${bytes.length} bytes cannot be read: ${(reason as Error).message}`, { cause: reason });
  }
}
