import { All, Controller, Inject, MethodNotAllowedException, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admin } from './ports.ts';
import { sendResponse } from './send-response.ts';
import { ADMIN } from './tokens.ts';

/** For operators and preStop hooks; no tenant, no authentication, as in Tempo. */
@Controller()
export class AdminController {
  readonly #admin: Admin;

  constructor(@Inject(ADMIN) admin: Admin) {
    this.#admin = admin;
  }

  @All('flush')
  async flush(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Query('tenant') tenant: unknown): Promise<void> {
    allowGetAndPost(request);
    await this.#admin.flush(typeof tenant === 'string' && tenant !== '' ? tenant : undefined);
    await reply.code(204).send();
  }

  @All('shutdown')
  async shutdown(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    allowGetAndPost(request);
    await this.#admin.shutdown();
    await sendResponse(reply, { status: 200, contentType: 'text/plain; charset=utf-8', body: 'shutdown job acknowledged' });
  }
}

/** HEAD and OPTIONS come from probes and browsers, which must not stop a process. */
function allowGetAndPost({ method }: FastifyRequest): void {
  if (method !== 'GET' && method !== 'POST') throw new MethodNotAllowedException();
}
