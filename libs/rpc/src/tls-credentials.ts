import type { Socket } from 'node:net';
import grpc from '@grpc/grpc-js';
import type { ClientTls } from '@vivace/sockets';
import type { ChannelOptions } from './options.ts';

type TlsCredentialsOptions = Pick<ChannelOptions, 'section' | 'connectTimeoutMs'>;
type Connector = ReturnType<grpc.ChannelCredentials['_createSecureConnector']>;
type Connected = Awaited<ReturnType<Connector['connect']>>;

/** TLS of gRPC whose connections take the certificates that are in force when they are made; those of grpc-js stay what they were. */
export class TlsCredentials extends grpc.ChannelCredentials {
  readonly #tls: ClientTls;
  readonly #host: string;
  readonly #options: TlsCredentialsOptions;
  #failure: string | undefined;

  constructor(tls: ClientTls, host: string, options: TlsCredentialsOptions) {
    super();
    this.#tls = tls;
    this.#host = host;
    this.#options = options;
  }

  /** Why the last connection that got as far as TLS did not come about; undefined when it did. */
  get failure(): string | undefined {
    return this.#failure;
  }

  _isSecure(): boolean {
    return true;
  }

  _equals(other: grpc.ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(_target: unknown, _options: unknown, callCredentials = grpc.CallCredentials.createEmpty()): Connector {
    return {
      connect: (socket) => this.#connect(socket),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  #connect(socket: Socket): Promise<Connected> {
    return new Promise((resolve, reject) => {
      const secured = this.#tls.connect({ socket, host: this.#host, ALPNProtocols: ['h2'] });
      let isSecure = false;
      let hasEnded = false;
      const end = (reason?: Error): void => {
        clearTimeout(timer);
        // The end of a socket follows its error.
        if (hasEnded) return;
        hasEnded = true;
        // A server that refuses a certificate says so after the handshake, or just goes, and has said nothing else.
        this.#failure = secured.bytesRead > 0 ? undefined : this.#tls.explain(reason, isSecure);
        reject(new Error(this.#failure));
      };
      const { connectTimeoutMs, section } = this.#options;
      const late = `no TLS within ${connectTimeoutMs} ms, limit ${section}.connect_timeout`;
      const timer = setTimeout(() => secured.destroy(new Error(late)), connectTimeoutMs);
      secured.once('secureConnect', () => {
        isSecure = true;
        clearTimeout(timer);
        resolve({ socket: secured, secure: true });
      });
      secured.on('error', end).once('close', () => end());
    });
  }
}
