import http from 'node:http';
import type { AddressInfo } from 'node:net';

type Fault = 'none' | 'refuses' | 'hangs';

/** An HTTP proxy in front of one server, which can be made to answer 500 or nothing at all. */
export class FaultyProxy {
  readonly #server: http.Server;
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #hanging = new Set<() => void>();
  #fault: Fault = 'none';
  requests = 0;
  #open = 0;
  /** Requests that were open at a time. */
  mostOpen = 0;

  private constructor(target: URL) {
    this.#server = http.createServer((request, response) => {
      this.requests++;
      this.mostOpen = Math.max(this.mostOpen, ++this.#open);
      response.once('close', () => this.#open--);
      this.#handle(target, request, response);
    });
  }

  static async start(target: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(new URL(target));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** Host and port. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on; what hangs when another one begins is answered then. */
  set fault(fault: Fault) {
    this.#fault = fault;
    for (const goOn of this.#hanging) goOn();
    this.#hanging.clear();
  }

  async stop(): Promise<void> {
    this.fault = 'refuses';
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #handle(target: URL, request: http.IncomingMessage, response: http.ServerResponse): void {
    if (this.#fault === 'hangs') {
      this.#hanging.add(() => this.#handle(target, request, response));
      return;
    }
    if (this.#fault === 'refuses') {
      request.resume();
      response.writeHead(500, { 'content-type': 'application/xml' }).end('<Error><Code>InternalError</Code><Message>on purpose</Message></Error>');
      return;
    }
    const options = { host: target.hostname, port: target.port, method: request.method, path: request.url, headers: request.headers, agent: this.#agent };
    const onward = http.request(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}
