import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, DescMethodServerStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import grpc from '@grpc/grpc-js';
import { expect } from 'vitest';

// Calls of tempopb.StreamingQuerier as a strict client makes them: what the generated classes do not know is a failure.

export interface Streamed<O extends DescMessage> {
  readonly messages: readonly MessageShape<O>[];
  /** Of the messages, in bytes. */
  readonly sizes: readonly number[];
  readonly code: number;
  readonly details: string;
}

export interface StreamOptions<O extends DescMessage> {
  /** Values of `x-scope-orgid`, each sent on its own. */
  readonly tenants?: readonly string[];
  readonly onMessage?: (message: MessageShape<O>, call: ClientReadableStream<Buffer>) => void;
}

/** Larger messages than Grafana takes are a failure of the call. */
const GRAFANA_MAX_BYTES = 4 * 1_048_576;

export function clientOf(address: string, credentials = grpc.credentials.createInsecure()): grpc.Client {
  return new grpc.Client(address, credentials, { 'grpc.max_receive_message_length': GRAFANA_MAX_BYTES });
}

export function stream<I extends DescMessage, O extends DescMessage>(
  client: grpc.Client,
  { input, output, parent, name }: DescMethodServerStreaming<I, O>,
  request: MessageInitShape<I>,
  { tenants = [], onMessage }: StreamOptions<O> = {},
): Promise<Streamed<O>> {
  const metadata = new grpc.Metadata();
  for (const tenant of tenants) metadata.add('x-scope-orgid', tenant);
  const asIs = (bytes: Buffer): Buffer => bytes;
  const bytes = Buffer.from(toBinary(input, create(input, request)));
  const call = client.makeServerStreamRequest(`/${parent.typeName}/${name}`, asIs, asIs, bytes, metadata);
  const messages: MessageShape<O>[] = [];
  const sizes: number[] = [];
  return new Promise((resolve, reject) => {
    call.on('data', (chunk: Buffer) => {
      try {
        const message = fromBinary(output, chunk, { readUnknownFields: true });
        expect(fromBinary(output, toBinary(output, message, { writeUnknownFields: false })), 'no unknown fields').toEqual(message);
        messages.push(message);
        sizes.push(chunk.length);
        onMessage?.(message, call);
      } catch (reason) {
        reject(reason instanceof Error ? reason : new Error(String(reason)));
        call.cancel();
      }
    });
    call.on('error', (_error: ServiceError) => undefined);
    call.on('status', ({ code, details }) => resolve({ messages, sizes, code, details }));
  });
}
