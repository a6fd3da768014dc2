/** Clients refuse messages above 4 MiB; Tempo 3 cuts at 1 MiB. */
const MAX_MESSAGE_BYTES = 1_048_576;

/** Field 1, length-delimited: the repeated field of every answer. */
const ITEM = 0x0a;

/**
 * Divides an answer into messages of at most `maxBytes`: each holds some of `items` (encoded messages or strings of the repeated field 1), in
 * order, and the encoded `rest` of the fields. An item is never cut, so one alone may be larger. There is always a message. Takes items as it
 * goes, so that they can be encoded while earlier ones are sent.
 */
export function* packMessages(items: Iterable<Uint8Array>, rest: Uint8Array, maxBytes = MAX_MESSAGE_BYTES): Generator<Uint8Array> {
  let batch: Uint8Array[] = [];
  let size = rest.length;
  for (const item of items) {
    const added = 1 + varintSize(item.length) + item.length;
    if (batch.length > 0 && size + added > maxBytes) {
      yield pack(batch, rest, size);
      batch = [];
      size = rest.length;
    }
    batch.push(item);
    size += added;
  }
  yield pack(batch, rest, size);
}

function pack(items: readonly Uint8Array[], rest: Uint8Array, size: number): Uint8Array {
  const message = new Uint8Array(size);
  let at = 0;
  for (const item of items) {
    message[at++] = ITEM;
    let length = item.length;
    for (; length > 0x7f; length >>>= 7) message[at++] = (length & 0x7f) | 0x80;
    message[at++] = length;
    message.set(item, at);
    at += item.length;
  }
  message.set(rest, at);
  return message;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++;
  return size;
}
