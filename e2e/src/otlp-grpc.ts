import grpc from '@grpc/grpc-js';

const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

export interface GrpcRefusal {
  readonly code: number;
  readonly details: string;
  /** Bytes of the google.rpc.Status that went along; empty when there was none. */
  readonly status: Buffer;
}

/** Sends raw bytes as an OTLP/gRPC request; resolves with the bytes of the answer, rejects with a `GrpcRefusal`. */
export async function exportGrpc(address: string, bytes: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Buffer> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const asIs = (x: Buffer): Buffer => x;
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(METHOD, asIs, asIs, bytes, metadata, (error, answer) => {
        if (!error) resolve(answer as Buffer);
        else {
          const status = (error.metadata.get('grpc-status-details-bin')[0] as Buffer | undefined) ?? Buffer.alloc(0);
          reject(Object.assign(new Error(error.message), { code: error.code, details: error.details, status } satisfies GrpcRefusal));
        }
      });
    });
  } finally {
    client.close();
  }
}
