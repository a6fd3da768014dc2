export { compareBytes, equalBytes } from './compare.ts';
export { fnv1, fnv1a, hashBytes } from './hash.ts';
export { decodeUtf8, encodeUtf8, utf8Cut } from './utf8.ts';
