import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Envelope } from './envelope.ts';

const payload = Buffer.from('payload');
const key = (fill: number) => new Uint8Array(32).fill(fill);
const envelope = (options: Partial<ConstructorParameters<typeof Envelope>[0]> = {}) => new Envelope({ label: 'blue', verifyLabel: true, keys: [], ...options });
const codeOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (reason) {
    return (reason as { code?: string }).code;
  }
};

describe('Envelope', () => {
  it('opens what it sealed, and adds what it says', () => {
    for (const one of [envelope(), envelope({ keys: [key(1)] }), envelope({ label: '' })]) {
      const sealed = one.seal(payload);
      expect(Buffer.from(one.open(sealed))).toEqual(payload);
      expect(sealed.length - payload.length).toBe(one.overhead);
    }
  });

  it('has the layout of docs/format/gossip.md', () => {
    const sealed = Buffer.from(envelope({ label: 'ab' }).seal(Uint8Array.of(1)));
    expect(sealed.subarray(0, 8).toString('hex')).toBe('5656470100026162');
    expect(sealed.readUInt32LE(8)).toBe(crc32(Buffer.from('565647010002616201', 'hex')));
    expect(sealed.subarray(12).toString('hex')).toBe('01');
  });

  it.each([
    ['another label', envelope({ label: 'green' })],
    ['a missing label', envelope({ label: '' })],
    ['no encryption', envelope()],
    ['another key', envelope({ keys: [key(2)] })],
  ])('refuses %s', (_case, other) => {
    const mine = envelope({ keys: [key(1)] });
    expect(codeOf(() => mine.open(other.seal(payload)))).toBe('permission_denied');
  });

  it('refuses encryption where there is none', () => {
    expect(codeOf(() => envelope().open(envelope({ keys: [key(1)] }).seal(payload)))).toBe('permission_denied');
  });

  it('takes other labels when it is told not to look', () => {
    expect(Buffer.from(envelope({ verifyLabel: false }).open(envelope({ label: 'green' }).seal(payload)))).toEqual(payload);
  });

  it('refuses every single changed bit', () => {
    for (const one of [envelope(), envelope({ keys: [key(1)] })]) {
      const sealed = one.seal(payload);
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const changed = Uint8Array.from(sealed);
        changed[bit >> 3] ^= 1 << (bit & 7);
        expect(['permission_denied', 'invalid_argument']).toContain(codeOf(() => one.open(changed)));
      }
      for (let n = 0; n < sealed.length; n++) expect(['permission_denied', 'invalid_argument']).toContain(codeOf(() => one.open(sealed.subarray(0, n))));
    }
  });

  it('knows a stranger by the first bytes', () => {
    const sealed = envelope().seal(payload);
    expect(envelope().mayOpen(sealed.subarray(0, 3))).toBe(true);
    expect(envelope().mayOpen(sealed)).toBe(true);
    expect(envelope({ label: 'bluer' }).mayOpen(sealed)).toBe(false);
    expect(envelope({ keys: [key(1)] }).mayOpen(sealed)).toBe(false);
    expect(envelope({ label: 'green', verifyLabel: false }).mayOpen(sealed)).toBe(true);
    expect(envelope().mayOpen(Buffer.from('GET / HTTP/1.1'))).toBe(false);
  });

  it('refuses keys and labels of the wrong size', () => {
    expect(() => envelope({ keys: [new Uint8Array(16)] })).toThrow('memberlist.secret_key has a key that is not of 32 bytes');
    expect(() => envelope({ label: 'x'.repeat(256) })).toThrow('memberlist.cluster_label is longer than 255 bytes');
  });
});
