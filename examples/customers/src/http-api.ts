/** The REST interface: routes, bodies, status codes. Every error is JSON: {"error": {"code", "message", "fields"?}}. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { parseCustomerInput, ValidationError } from './customer.ts';
import type { CustomerStore } from './customer-store.ts';

const BODY_BYTES_MAX = 64 * 1024;
const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CURSOR = /^\d{1,20}$/;

class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @throws HttpError if the body is too long or no JSON. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) throw new HttpError(415, 'unsupported_media_type', 'Send application/json.');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new HttpError(413, 'too_large', `At most ${BODY_BYTES_MAX} bytes.`, { connection: 'close' });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new HttpError(400, 'invalid_json', 'The body is not JSON.');
  }
}

function pageOptions(query: URLSearchParams): { cursor: string; limit: number } {
  const cursor = query.get('cursor') ?? '0';
  const limit = Number(query.get('limit') ?? LIMIT_DEFAULT);
  if (!CURSOR.test(cursor)) throw new HttpError(400, 'invalid_cursor', 'Use the nextCursor of a page before.');
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) throw new HttpError(400, 'invalid_limit', `limit is a whole number from 1 to ${LIMIT_MAX}.`);
  return { cursor, limit };
}

async function collection(store: CustomerStore, request: IncomingMessage, query: URLSearchParams): Promise<Answer> {
  switch (request.method) {
    case 'GET': {
      const { cursor, limit } = pageOptions(query);
      return { status: 200, body: await store.list(cursor, limit) };
    }
    case 'POST': {
      const customer = await store.create(parseCustomerInput(await readJson(request)));
      return { status: 201, body: customer, headers: { location: `/customers/${customer.id}` } };
    }
    default:
      throw new HttpError(405, 'method_not_allowed', `${request.method} is not possible here.`, { allow: 'GET, POST' });
  }
}

async function single(store: CustomerStore, request: IncomingMessage, id: string): Promise<Answer> {
  const missing = new HttpError(404, 'not_found', `There is no customer ${id}.`);
  if (!ID.test(id)) throw missing;
  switch (request.method) {
    case 'GET': {
      const customer = await store.get(id);
      if (customer === null) throw missing;
      return { status: 200, body: customer };
    }
    case 'PUT': {
      const customer = await store.update(id, parseCustomerInput(await readJson(request)));
      if (customer === null) throw missing;
      return { status: 200, body: customer };
    }
    case 'DELETE':
      if (!(await store.delete(id))) throw missing;
      return { status: 204 };
    default:
      throw new HttpError(405, 'method_not_allowed', `${request.method} is not possible here.`, { allow: 'GET, PUT, DELETE' });
  }
}

async function route(store: CustomerStore, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://service');
  const path = url.pathname.split('/').slice(1);
  if (path[0] === 'customers' && path.length === 1) return collection(store, request, url.searchParams);
  if (path[0] === 'customers' && path.length === 2) return single(store, request, path[1]!);
  if (path[0] === 'health' && path.length === 1) {
    return (await store.isReachable()) ? { status: 200, body: { status: 'ok' } } : { status: 503, body: { status: 'no database' } };
  }
  throw new HttpError(404, 'not_found', `There is nothing at ${url.pathname}.`);
}

/** Errors that are not the client's are the database's: it may come back, and so may the client. */
function answerTo(error: unknown): Answer {
  if (error instanceof ValidationError) return { status: 422, body: { error: { code: 'invalid_customer', message: error.message, fields: error.fields } } };
  if (error instanceof HttpError) return { status: error.status, body: { error: { code: error.code, message: error.message } }, headers: error.headers };
  console.error(error);
  return { status: 503, body: { error: { code: 'unavailable', message: 'Try again later.' } }, headers: { 'retry-after': '1' } };
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
  response.writeHead(status, { ...(text === '' ? {} : { 'content-type': 'application/json; charset=utf-8' }), ...headers });
  response.end(text);
}

/** The service on a store; the caller listens. */
export function createApi(store: CustomerStore): Server {
  return createServer((request, response) => {
    route(store, request).catch(answerTo).then((answer) => send(response, answer), (error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
}
