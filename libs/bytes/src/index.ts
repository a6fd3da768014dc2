export { compareBytes, equalBytes } from './compare.ts';
export { fnv1, fnv1a, hashBytes, randomSeed } from './hash.ts';
export { decodeUtf8, encodeUtf8, utf8Cut } from './utf8.ts';
export { WireReader } from './wire-reader.ts';
export { WireWriter } from './wire-writer.ts';
