import http from 'node:http';
import http2 from 'node:http2';

/** Sends OTLP request bodies; resolves with undefined when accepted, else with the reason. */
export interface Sender {
  send(body: Buffer): Promise<string | undefined>;
  close(): void;
}

/** `grpc://host:port` or `http://host:port/v1/traces`. Plain node:http and node:http2, to cost little beside the server measured. */
export function createSender(url: string, connections: number, headers: Readonly<Record<string, string>> = {}): Sender {
  return url.startsWith('grpc:') ? grpcSender(url, connections, headers) : httpSender(url, connections, headers);
}

function httpSender(url: string, connections: number, headers: Readonly<Record<string, string>>): Sender {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  return {
    send: (body) =>
      new Promise((resolve) => {
        const request = http.request(
          url,
          { method: 'POST', agent, headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length, ...headers } },
          (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode === 200 ? undefined : `http ${response.statusCode}`));
          },
        );
        request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function grpcSender(url: string, connections: number, headers: Readonly<Record<string, string>>): Sender {
  const { host } = new URL(url.replace('grpc:', 'http:'));
  let failure: string | undefined;
  const sessions = Array.from({ length: Math.min(connections, 2) }, () => http2.connect(`http://${host}`));
  for (const session of sessions) {
    session.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
  }
  let next = 0;
  return {
    send: (body) =>
      new Promise((resolve) => {
        const stream = sessions[next++ % sessions.length].request({
          ':method': 'POST',
          ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
          'content-type': 'application/grpc',
          te: 'trailers',
          ...headers,
        });
        const frame = Buffer.allocUnsafe(5 + body.length);
        frame[0] = 0;
        frame.writeUInt32BE(body.length, 1);
        body.copy(frame, 5);
        let status: unknown;
        stream.on('response', (h) => (status ??= h['grpc-status']));
        stream.on('trailers', (h) => (status = h['grpc-status']));
        stream.on('data', () => undefined);
        stream.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message));
        stream.on('close', () => resolve(status === '0' ? undefined : status === undefined ? (failure ?? 'closed') : `grpc ${String(status)}`));
        stream.end(frame);
      }),
    close() {
      for (const session of sessions) session.close();
    },
  };
}
