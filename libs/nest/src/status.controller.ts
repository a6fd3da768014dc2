import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { AppError } from '@vivace/base';
import type { FastifyReply } from 'fastify';
import type { Lifecycle } from './lifecycle.ts';
import type { ConfigMode, StatusPages } from './ports.ts';
import { sendResponse } from './send-response.ts';
import { LIFECYCLE, STATUS_PAGES } from './tokens.ts';

/** Plain pages for operators. */
@Controller('status')
export class StatusController {
  readonly #pages: StatusPages;
  readonly #lifecycle: Lifecycle;

  constructor(@Inject(STATUS_PAGES) pages: StatusPages, @Inject(LIFECYCLE) lifecycle: Lifecycle) {
    this.#pages = pages;
    this.#lifecycle = lifecycle;
  }

  @Get()
  all(@Res() reply: FastifyReply): Promise<void> {
    const sections = [
      ['version', this.#pages.version()],
      ['services', this.#services()],
      ['endpoints', this.#pages.endpoints()],
      ['runtime_config', this.#pages.runtimeConfig('effective')],
      ['config', this.#pages.config('effective')],
    ];
    return text(reply, sections.map(([title, body]) => `---\n# ${title}\n${body}`).join('\n'));
  }

  @Get('version')
  version(@Res() reply: FastifyReply): Promise<void> {
    return text(reply, this.#pages.version());
  }

  @Get('services')
  services(@Res() reply: FastifyReply): Promise<void> {
    return text(reply, this.#services());
  }

  @Get('endpoints')
  endpoints(@Res() reply: FastifyReply): Promise<void> {
    return text(reply, this.#pages.endpoints());
  }

  @Get('config')
  config(@Res() reply: FastifyReply, @Query('mode') mode: unknown): Promise<void> {
    return text(reply, this.#pages.config(parseMode(mode, ['diff', 'defaults'])));
  }

  @Get('runtime_config')
  runtimeConfig(@Res() reply: FastifyReply, @Query('mode') mode: unknown): Promise<void> {
    return text(reply, this.#pages.runtimeConfig(parseMode(mode, ['diff'])));
  }

  #services(): string {
    const states = this.#lifecycle.states();
    const width = Math.max(0, ...states.map(({ name }) => name.length));
    return states.map(({ name, state }) => `${name.padEnd(width)}  ${state}\n`).join('');
  }
}

function parseMode(mode: unknown, known: readonly ConfigMode[]): ConfigMode {
  if (mode === undefined || mode === '') return 'effective';
  const found = known.find((name) => name === mode);
  if (found === undefined) throw new AppError('invalid_argument', `mode ${JSON.stringify(mode)} is unknown, want ${known.join(' or ')}`);
  return found;
}

function text(reply: FastifyReply, body: string): Promise<void> {
  return sendResponse(reply, { status: 200, contentType: 'text/plain; charset=utf-8', body });
}
