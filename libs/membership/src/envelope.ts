import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { AppError } from '@vivace/base';
import { WireReader, WireWriter } from '@vivace/bytes';

// docs/format/gossip.md, "Envelope"

const MAGIC = Uint8Array.of(0x56, 0x56, 0x47, 0x01); // "VVG", version 1
const PLAIN = 0;
const ENCRYPTED = 1;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CRC_BYTES = 4;
const MAX_LABEL_BYTES = 255;

export interface EnvelopeOptions {
  readonly label: string;
  /** False: labels of others are taken too. */
  readonly verifyLabel: boolean;
  /** Of 32 bytes. The first one encrypts, all of them decrypt; with none, nothing is encrypted and nothing encrypted is read. */
  readonly keys: readonly Uint8Array[];
}

/** What every packet and every stream frame is wrapped in: the label of the cluster, and a checksum or a cipher. */
export class Envelope {
  readonly #options: EnvelopeOptions;
  readonly #prefix: Uint8Array;

  constructor(options: EnvelopeOptions) {
    if (Buffer.byteLength(options.label) > MAX_LABEL_BYTES)
      throw new AppError('invalid_argument', `memberlist.cluster_label is longer than ${MAX_LABEL_BYTES} bytes`);
    if (options.keys.some((key) => key.length !== 32)) throw new AppError('invalid_argument', 'memberlist.secret_key has a key that is not of 32 bytes');
    this.#options = options;
    this.#prefix = new WireWriter()
      .raw(MAGIC)
      .u8(options.keys.length > 0 ? ENCRYPTED : PLAIN)
      .text(options.label)
      .finish();
  }

  /** Bytes that `seal` adds. */
  get overhead(): number {
    return this.#prefix.length + (this.#options.keys.length > 0 ? NONCE_BYTES + TAG_BYTES : CRC_BYTES);
  }

  seal(payload: Uint8Array): Uint8Array {
    const [key] = this.#options.keys;
    if (key === undefined) return Buffer.concat([this.#prefix, u32(crc32(payload, crc32(this.#prefix))), payload]);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(this.#prefix);
    return Buffer.concat([this.#prefix, nonce, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  }

  /** The payload, perhaps a view of `bytes`. Throws AppError: `permission_denied` for another cluster or key, `invalid_argument` for what is not ours at all. */
  open(bytes: Uint8Array): Uint8Array {
    const reader = new WireReader(bytes, 'gossip');
    if (!equal(reader.raw(MAGIC.length), MAGIC)) throw reader.error('is not of this protocol or version');
    const mode = reader.u8();
    const label = reader.text(MAX_LABEL_BYTES, 'label');
    const { verifyLabel, keys } = this.#options;
    if (verifyLabel && label !== this.#options.label)
      throw new AppError('permission_denied', `gossip: has the label ${JSON.stringify(label)} of another cluster`);
    if (mode !== (keys.length > 0 ? ENCRYPTED : PLAIN))
      throw new AppError('permission_denied', `gossip: is ${mode === PLAIN ? 'not ' : ''}encrypted, unlike this cluster`);
    const prefix = bytes.subarray(0, bytes.length - reader.left);
    return mode === PLAIN ? openPlain(reader, prefix) : this.#decrypt(reader, prefix);
  }

  /** Whether bytes that begin like this may be for us, so that a stranger's frame need not be read to its end. */
  mayOpen(start: Uint8Array): boolean {
    const prefix = this.#options.verifyLabel ? this.#prefix : MAGIC;
    const n = Math.min(start.length, prefix.length);
    return equal(start.subarray(0, n), prefix.subarray(0, n));
  }

  #decrypt(reader: WireReader, prefix: Uint8Array): Uint8Array {
    const nonce = reader.raw(NONCE_BYTES);
    if (reader.left < TAG_BYTES) throw reader.error('is too short');
    const body = reader.raw(reader.left - TAG_BYTES);
    const tag = reader.raw(TAG_BYTES);
    for (const key of this.#options.keys) {
      try {
        const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(prefix).setAuthTag(tag);
        return Buffer.concat([decipher.update(body), decipher.final()]);
      } catch {
        // Not this key.
      }
    }
    throw new AppError('permission_denied', 'gossip: is encrypted with another key');
  }
}

function openPlain(reader: WireReader, prefix: Uint8Array): Uint8Array {
  const checksum = reader.u32();
  const payload = reader.raw(reader.left);
  if (crc32(payload, crc32(prefix)) !== checksum) throw reader.error('checksum does not match');
  return payload;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function u32(value: number): Uint8Array {
  return new WireWriter(4).u32(value).finish();
}
