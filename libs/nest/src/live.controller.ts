import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sendResponse } from './send-response.ts';

/** Says that the process runs and answers, whatever it waits for: for probes that would restart it. */
@Controller()
export class LiveController {
  @Get('live')
  live(@Res() reply: FastifyReply): Promise<void> {
    return sendResponse(reply, { status: 200, contentType: 'text/plain; charset=utf-8', body: 'live\n' });
  }
}
