import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, OutgoingHttpHeaders } from 'node:http2';
import { AppError, errorResponse, rpcCode } from '@vivace/base';
import type { Clock, HttpResponse, Timers } from '@vivace/base';
import type { GatewayConfig } from '@vivace/config';
import { askEach } from './ask-each.ts';
import type { Authenticator } from './authenticator.ts';
import type { Client } from './client-address.ts';
import type { Account } from './directory.ts';
import { PREFLIGHT } from './directory.ts';
import { isGrpc } from './doors.ts';
import { forwardedHeaders } from './headers.ts';
import { refuseCall, relayGrpc, statusOf } from './relay-grpc.ts';
import { relayHttp } from './relay-http.ts';
import { BodyTooLargeError } from './request-body.ts';
import type { RequestRecord } from './request-log.ts';
import { CLIENT_GONE } from './request-log.ts';
import { parseRequestPath } from './request-path.ts';
import type { Access, Route, Routes } from './routes.ts';
import type { Upstreams } from './upstreams.ts';

export interface HandlerOptions {
  readonly config: Pick<GatewayConfig, 'timeouts' | 'maxBodyBytes'>;
  readonly routes: Routes;
  readonly upstreams: Upstreams;
  readonly authenticator: Authenticator;
  readonly clientOf: (peer: string | undefined, forwardedFor: string | undefined) => Client;
  readonly isTls: boolean;
  /** Called at the start of a request, returns what is called at its end. */
  readonly record: (record: RequestRecord) => () => void;
  readonly timers: Timers;
  readonly clock: Clock;
}

export type DoorKind = 'all' | 'otlp';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly isCall: boolean;
  readonly client: Client;
  readonly record: RequestRecord;
}

const TEXT = 'text/plain; charset=utf-8';
/** A page of ours, or nobody's (typed, or no browser): Fetch Metadata, `Sec-Fetch-Site`. */
const OWN_SITES = new Set(['same-origin', 'none']);
const REALM = 'Basic realm="vivace", charset="UTF-8"';

/** Answers everything that comes through a door: finds the route, asks who it is, and passes it on. */
export function createHandler(options: HandlerOptions): (request: IncomingMessage, response: ServerResponse, door: DoorKind) => void {
  const { routes, authenticator, clientOf } = options;

  function handle(request: IncomingMessage, response: ServerResponse, door: DoorKind): void {
    const isCall = isGrpc(request);
    const target = parseRequestPath(request.url ?? '');
    const client = clientOf(request.socket?.remoteAddress, textOf(request.headers['x-forwarded-for']));
    const method = request.method ?? 'GET';
    const record: RequestRecord = {
      method: METHODS.has(method) ? method : 'other',
      path: target?.path ?? '',
      client: client.address,
      route: 'other',
      user: '',
      tenant: '',
      status: 0,
      grpcCode: undefined,
      reason: undefined,
    };
    const exchange: Exchange = { request, response, isCall, client, record };
    const end = options.record(record);
    response.on('close', () => {
      if (isCall) record.grpcCode ??= rpcCode('canceled');
      else record.status = response.writableFinished ? response.statusCode : CLIENT_GONE;
      end();
    });
    // Whoever leaves is told of by `close`.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (!target) return answer(exchange, { status: 400, contentType: TEXT, body: 'the path is not one every server reads alike\n' });
    const route = routes.find(target.path, method, isCall);
    if (!route || (door === 'otlp' && !route.onOtlpPort)) return notFound(exchange, target.path);
    record.route = route.label;
    const methods = route.methods ?? [...METHODS];
    if (!methods.includes(method)) {
      const allow = methods.join(', ');
      return answer(exchange, { status: 405, contentType: TEXT, body: `${record.method} is not allowed, want ${allow}\n`, headers: { allow } });
    }
    if (route.target.kind === 'ok') return answer(exchange, { status: 200, contentType: TEXT, body: 'OK' });
    let account: Account | Promise<Account>;
    try {
      account = isPreflight(request, route) ? PREFLIGHT : authenticator.authenticate(request.headers, client.limitKey);
    } catch (error) {
      return refuse(exchange, error);
    }
    const go = (known: Account): Promise<void> => pass(exchange, route, known, target.path, target.query);
    void (account instanceof Promise ? account.then(go) : go(account)).catch((error: unknown) => refuse(exchange, error));
  }

  /** Rejects while nothing is answered. */
  async function pass(exchange: Exchange, route: Route, account: Account, path: string, query: string): Promise<void> {
    const { request, response, client, record } = exchange;
    const { target } = route;
    const { upstreams, timers, clock, config } = options;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const access = (isRead ? undefined : route.accessToChange) ?? route.access;
    record.user = account.name;
    const sent = textOf(request.headers['x-scope-orgid']);
    record.tenant = account.tenant ?? sent ?? '';
    authorize(exchange, access, account, !isRead || target.kind === 'each');
    const headers = forwardedHeaders(exchange.isCall ? fieldsOf(request) : request.rawHeaders, {
      forwardedFor: client.forwardedFor,
      host: request.headers.host ?? textOf(request.headers[':authority']),
      proto: options.isTls ? 'https' : 'http',
      tenant: account.tenant,
      dropCredentials: !authenticator.isOpen,
    });
    const timeouts = config.timeouts[access === 'public' ? 'read' : access];
    switch (target.kind) {
      case 'ok':
        return;
      case 'grpc': {
        const call = response as unknown as Http2ServerResponse; // isCall is only true of HTTP/2
        const calls = relayGrpc({ response: call, upstream: upstreams.grpc(target.upstream), headers: callHeaders(headers, path), timeouts, timers, clock });
        record.grpcCode = (await calls) ?? rpcCode('canceled');
        return;
      }
      case 'http': {
        const { maxBodyBytes } = config;
        if (maxBodyBytes > 0 && Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw new BodyTooLargeError();
        return relayHttp({
          request,
          response,
          upstream: upstreams.http(target.upstream),
          path: (route.rewrite ?? path) + query,
          headers,
          timeouts,
          maxBodyBytes,
          timers,
          clock,
        });
      }
      case 'each': {
        const gone = new AbortController();
        response.once('close', () => gone.abort());
        const method = isRead ? 'GET' : 'POST';
        const withoutBody = headers.filter((_, i) => !headers[i - (i % 2)].startsWith('content-'));
        const parameters = new URLSearchParams(query);
        const { totalMs } = timeouts;
        answer(
          exchange,
          await askEach({
            upstream: upstreams.http(target.upstream),
            method,
            path,
            query: parameters,
            headers: withoutBody,
            mustName: target.mustName,
            timeoutMs: totalMs,
            signal: gone.signal,
          }),
        );
      }
    }
  }

  function authorize({ request }: Exchange, access: Access, account: Account, changes: boolean): void {
    if (access === 'public') return;
    if (!account.rights.has(access)) {
      authenticator.countForbidden();
      throw new AppError('permission_denied', `user ${JSON.stringify(account.name)} has not the right ${access}`);
    }
    // A browser sends the password it knows wherever a foreign page sends it.
    if (access === 'admin' && changes && !OWN_SITES.has(textOf(request.headers['sec-fetch-site']) ?? 'none')) {
      authenticator.countForbidden();
      throw new AppError('permission_denied', 'what changes something is not to be asked from other sites');
    }
  }

  function refuse(exchange: Exchange, error: unknown): void {
    const { response, isCall, record, request } = exchange;
    if (response.headersSent || response.destroyed) return;
    if (error instanceof BodyTooLargeError) {
      const body = `the body is too large, limit ${options.config.maxBodyBytes} bytes (gateway.max_request_body_size)\n`;
      return answer(exchange, { status: 413, contentType: TEXT, body });
    }
    const appError = AppError.from(error);
    record.reason = appError.message;
    if (isCall) {
      const status = statusOf(appError);
      record.grpcCode = status.code;
      return refuseCall((request as unknown as Http2ServerRequest).stream, status); // isCall is only true of HTTP/2
    }
    const { headers, ...rest } = errorResponse(appError);
    const challenge = appError.code === 'unauthenticated' ? { 'www-authenticate': REALM } : {};
    // A connection that broke is not the client's conflict.
    const status = appError.code === 'aborted' ? 502 : rest.status;
    answer(exchange, { ...rest, status, body: `${String(rest.body)}\n`, headers: { ...headers, ...challenge } });
  }

  return handle;
}

/** Answers without an upstream. What the client still sends is read and dropped. */
function answer({ request, response }: Exchange, { status, contentType, body, headers }: HttpResponse): void {
  // A client that asks before it sends a body may send none, and then what follows is not one.
  const close = request.httpVersionMajor === 1 && request.headers.expect !== undefined ? { connection: 'close' } : {};
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body), ...headers, ...close });
  response.end(request.method === 'HEAD' ? undefined : body);
  request.resume();
}

function notFound(exchange: Exchange, path: string): void {
  const { isCall, request, record } = exchange;
  if (!isCall) return answer(exchange, { status: 404, contentType: TEXT, body: '404 page not found\n' });
  record.grpcCode = rpcCode('unimplemented');
  refuseCall((request as unknown as Http2ServerRequest).stream, { code: record.grpcCode, details: `the gateway has no method ${path}` }); // isCall is only true of HTTP/2
}

function isPreflight({ method, headers }: IncomingMessage, { access }: Route): boolean {
  return method === 'OPTIONS' && access === 'write' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** All that are passed on. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** As node:http2 understands them: what may come but once is there but once. */
function fieldsOf({ headers }: IncomingMessage): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]));
}

/** Fields of a call; those that came more than once go as they came. */
function callHeaders(flat: readonly string[], path: string): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = { ':method': 'POST', ':path': path, te: 'trailers' };
  for (let i = 0; i < flat.length; i += 2) {
    const [name, value] = [flat[i], flat[i + 1]];
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ');
}
