import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { MetricsPage } from './ports.ts';
import { sendResponse } from './send-response.ts';
import { METRICS_PAGE } from './tokens.ts';

@Controller()
export class MetricsController {
  readonly #page: MetricsPage;

  constructor(@Inject(METRICS_PAGE) page: MetricsPage) {
    this.#page = page;
  }

  @Get('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await sendResponse(reply, { status: 200, contentType: this.#page.contentType, body: await this.#page.scrape() });
  }
}
