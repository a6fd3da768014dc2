import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Lifecycle } from './lifecycle.ts';
import { sendResponse } from './send-response.ts';
import { LIFECYCLE } from './tokens.ts';

@Controller()
export class ReadyController {
  readonly #lifecycle: Lifecycle;

  constructor(@Inject(LIFECYCLE) lifecycle: Lifecycle) {
    this.#lifecycle = lifecycle;
  }

  @Get('ready')
  ready(@Res() reply: FastifyReply): Promise<void> {
    const reason = this.#lifecycle.notReady();
    return sendResponse(reply, { status: reason === undefined ? 200 : 503, contentType: 'text/plain; charset=utf-8', body: `${reason ?? 'ready'}\n` });
  }
}
