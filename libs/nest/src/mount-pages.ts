import type { HttpResponse } from '@vivace/base';
import type { FastifyInstance } from 'fastify';
import { sendResponse } from './send-response.ts';

/** What a page needs of a request. */
export interface PageRequest {
  readonly method: string;
  /** The Accept header. */
  readonly accept: string | undefined;
  /** The Sec-Fetch-Site header: what a browser says of the page a request comes from. */
  readonly fetchSite: string | undefined;
  readonly query: URLSearchParams;
  /** Fields of a posted form. */
  readonly form: URLSearchParams;
}

/** A page for operators outside of the API: no tenant, no prefix. */
export interface Page {
  readonly path: string;
  /** Of GET and POST; throws as any handler does. */
  handle(request: PageRequest): HttpResponse;
}

export function mountPages(server: FastifyInstance, pages: readonly Page[]): void {
  for (const page of pages) {
    server.route({
      method: ['GET', 'POST'],
      url: page.path,
      handler: async (request, reply) => {
        const header = (name: string): string | undefined => request.headers[name] as string | undefined; // neither of the two is ever a list
        const response = page.handle({
          method: request.method,
          accept: header('accept'),
          fetchSite: header('sec-fetch-site'),
          query: new URLSearchParams(request.raw.url?.split('?')[1] ?? ''),
          form: new URLSearchParams(typeof request.body === 'string' ? request.body : ''),
        });
        await sendResponse(reply, response);
        return reply;
      },
    });
  }
}
