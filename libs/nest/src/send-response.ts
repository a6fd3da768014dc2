import type { HttpResponse } from '@vivace/base';
import type { FastifyReply } from 'fastify';

/** Writes an answer as it is: Fastify would add a charset to a JSON content type, and clients compare it exactly. */
export async function sendResponse(reply: FastifyReply, { status, contentType, body, headers }: HttpResponse): Promise<void> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  await reply
    .code(status)
    .headers({ ...headers, 'content-type': contentType })
    .send(bytes);
}
