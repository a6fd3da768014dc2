import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message, StreamRequest } from './message.ts';
import { decodeMessages, decodeRequest, decodeState, encodeMessage, encodeRequest, encodeState, LIVENESS } from './message.ts';

const seq = fc.nat(0xffffffff);
const name = fc.string({ minLength: 1, maxLength: 30 });
const incarnation = fc.nat(2 ** 31);
const record = { name, host: fc.oneof(fc.ipV4(), fc.constant('2001:db8::1')), port: fc.integer({ min: 1, max: 65_535 }), incarnation };
const accusation = { name, incarnation, from: name };
const bytes = fc.uint8Array({ maxLength: 100 });
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('ping' as const), seq, target: name }),
  fc.record({ kind: fc.constant('indirect-ping' as const), seq, target: name }),
  fc.record({ kind: fc.constantFrom('ack' as const, 'nack' as const), seq }),
  fc.record({ kind: fc.constant('alive' as const), ...record }),
  fc.record({ kind: fc.constantFrom('suspect' as const, 'dead' as const), ...accusation }),
  fc.record({ kind: fc.constant('value' as const), key: fc.string({ maxLength: 20 }), bytes }),
);
const state = fc.record({
  nodes: fc.array(fc.record({ ...record, state: fc.constantFrom(...LIVENESS) })),
  values: fc.array(fc.record({ key: fc.string({ maxLength: 20 }), bytes }), { maxLength: 5 }),
});
const request: fc.Arbitrary<StreamRequest> = fc.oneof(
  state.map((value) => ({ kind: 'sync' as const, ...value })),
  name.map((target) => ({ kind: 'ping' as const, target })),
  bytes.map((messages) => ({ kind: 'news' as const, messages })),
);

describe('the gossip codec', () => {
  it('gives back the messages of a packet', () => {
    fc.assert(
      fc.property(fc.array(message), (messages) => {
        expect(decodeMessages(Uint8Array.from(Buffer.concat(messages.map(encodeMessage))))).toEqual(messages);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives back requests and states', () => {
    fc.assert(
      fc.property(request, state, (request, state) => {
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
        expect(decodeState(encodeState(state))).toEqual(state);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses random bytes with an AppError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeMessages, decodeRequest, decodeState]) {
          try {
            decode(bytes);
          } catch (reason) {
            expect(reason).toBeInstanceOf(AppError);
          }
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it.each<[string, Message, string]>([
    ['a name instead of an address', { kind: 'alive', name: 'n', host: 'example.org', port: 1, incarnation: 1 }, 'host is not an IP address'],
    ['port 0', { kind: 'alive', name: 'n', host: '10.0.0.1', port: 0, incarnation: 1 }, 'port is 0'],
    ['an empty name', { kind: 'ping', seq: 1, target: '' }, 'name is empty'],
    ['a name that is too long', { kind: 'ping', seq: 1, target: 'n'.repeat(129) }, 'name is over 128'],
  ])('refuses %s', (_case, message, problem) => {
    expect(() => decodeMessages(encodeMessage(message))).toThrow(problem);
  });
});
