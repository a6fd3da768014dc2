const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** UTF-8 text of `bytes[from, to)`; short ASCII takes a path without TextDecoder. Works on shared memory (copies there). */
export function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  const n = to - from;
  if (n <= 24) {
    let text = '';
    for (let i = from; i < to; i++) {
      const c = bytes[i];
      if (c >= 0x80) return decoder.decode(bytes.slice(from, to));
      text += String.fromCharCode(c);
    }
    return text;
  }
  // TextDecoder refuses views of a SharedArrayBuffer; slice() copies into an ordinary one.
  return decoder.decode(bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes.subarray(from, to)) : bytes.subarray(from, to));
}

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The longest prefix length ≤ `max` of `bytes[from, to)` that does not split a UTF-8 sequence. */
export function utf8Cut(bytes: Uint8Array, from: number, to: number, max: number): number {
  if (to - from <= max) return to - from;
  let n = max;
  while (n > 0 && (bytes[from + n] & 0xc0) === 0x80) n--;
  return n;
}
