/** The example as its readers would run it: over HTTP, on a started Holdfast. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CustomerStore } from '../../examples/customers/src/customer-store.ts';
import { createApi } from '../../examples/customers/src/http-api.ts';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Bodies are looked at by their fields.
  readonly body: Record<string, unknown>;
}

let database: ClientTarget;
let store: CustomerStore;
let api: Server;

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const options = body === undefined ? { method } : { method, body: text, headers: { 'content-type': 'application/json' } };
  const response = await fetch(`http://127.0.0.1:${(api.address() as AddressInfo).port}${path}`, options);
  const answer = await response.text();
  return { status: response.status, headers: response.headers, body: (answer === '' ? {} : JSON.parse(answer)) as Record<string, unknown> };
}

const ADA = { name: 'Ada Lovelace', email: 'Ada@Example.com', phone: '+44 20 1234' };
const MISSING = '/customers/00000000-0000-4000-8000-000000000000';

describe.each(TARGET_NAMES)('customers in %s', (name) => {
  beforeAll(async () => {
    database = await CLIENT_TARGETS[name]();
    store = await CustomerStore.connect(`redis://127.0.0.1:${database.port}`);
    api = createApi(store).listen(0, '127.0.0.1');
    await once(api, 'listening');
  });
  afterAll(async () => {
    api.close();
    api.closeAllConnections();
    await store.close();
    await database.remove();
  });

  test('are created, read, replaced and deleted', async () => {
    const created = await ask('POST', '/customers', ADA);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ ...ADA, email: 'ada@example.com' });
    const path = created.headers.get('location')!;
    expect(await ask('GET', path)).toMatchObject({ status: 200, body: created.body });
    const replaced = await ask('PUT', path, { name: 'Ada King', email: 'ada@example.com' });
    expect(replaced).toMatchObject({ status: 200, body: { id: created.body['id'], name: 'Ada King', phone: '', createdAt: created.body['createdAt'] } });
    expect((await ask('GET', path)).body).toEqual(replaced.body);
    expect((await ask('DELETE', path)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await ask(method, path)).status).toBe(404);
    expect((await ask('PUT', path, ADA)).status).toBe(404);
  });

  test('are listed page by page, each at least once', async () => {
    const ids = new Set<string>();
    for (let i = 0; i < 60; i++) ids.add((await ask('POST', '/customers', { name: `Customer ${i}`, email: `c${i}@example.com` })).body['id'] as string);
    const seen = new Set<string>();
    let cursor: string | null = '0';
    let pages = 0;
    while (cursor !== null) {
      const { status, body } = await ask('GET', `/customers?limit=10&cursor=${cursor}`);
      expect(status).toBe(200);
      for (const { id } of body['customers'] as { id: string }[]) seen.add(id);
      cursor = body['nextCursor'] as string | null;
      pages++;
    }
    expect(pages).toBeGreaterThan(1);
    expect(seen).toEqual(ids);
  });

  test('refuses what is not valid, and says why', async () => {
    expect(await ask('POST', '/customers', { name: ' ', email: 'nobody', phone: 'abc', vip: true })).toMatchObject({
      status: 422,
      body: { error: { code: 'invalid_customer', fields: { name: 'A name is required.', email: 'An e-mail address is required.', vip: 'There is no such field.' } } },
    });
    expect(await ask('POST', '/customers', '{"name":')).toMatchObject({ status: 400, body: { error: { code: 'invalid_json' } } });
    expect(await ask('POST', '/customers', [1])).toMatchObject({ status: 422 });
    expect(await ask('POST', '/customers', { name: 'x'.repeat(70_000), email: 'a@b.c' })).toMatchObject({ status: 413 });
    expect(await ask('GET', '/customers?limit=0')).toMatchObject({ status: 400, body: { error: { code: 'invalid_limit' } } });
    expect(await ask('GET', '/customers?cursor=x')).toMatchObject({ status: 400, body: { error: { code: 'invalid_cursor' } } });
    expect(await ask('GET', '/customers/x')).toMatchObject({ status: 404 });
    expect(await ask('GET', MISSING)).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
    expect((await ask('PATCH', MISSING)).headers.get('allow')).toBe('GET, PUT, DELETE');
    expect(await ask('GET', '/elsewhere')).toMatchObject({ status: 404 });
  });

  test('concurrent updates and a delete never bring a customer back', async () => {
    const path = (await ask('POST', '/customers', ADA)).headers.get('location')!;
    const updates = Array.from({ length: 20 }, (_, i) => ask('PUT', path, { ...ADA, name: `Ada ${i}` }));
    const [deleted, ...updated] = await Promise.all([ask('DELETE', path), ...updates]);
    expect(deleted.status).toBe(204);
    expect(updated.every(({ status }) => status === 200 || status === 404)).toBe(true);
    expect((await ask('GET', path)).status).toBe(404);
  });

  test('those that were created while the primary was killed are there', async () => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const killed = database.killPrimary().then((bringBack) => bringBack());
    const created = (await Promise.all(Array.from({ length: 40 }, () => ask('POST', '/customers', ADA)))).filter(({ status }) => status === 201);
    await killed;
    for (const { body, headers } of created) expect(await ask('GET', headers.get('location')!)).toMatchObject({ status: 200, body });
    expect((await ask('POST', '/customers', ADA)).status).toBe(201);
    complaints.mockRestore();
  });

  test('are there after the node was killed; meanwhile the service says that it is unavailable', async () => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { body, headers } = await ask('POST', '/customers', ADA);
    const restarted = database.killAndRestart();
    await expect.poll(() => ask('GET', '/customers'), { interval: 1 }).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } });
    expect((await ask('GET', '/health')).status).toBe(503);
    await restarted;
    await expect.poll(async () => (await ask('GET', '/health')).status, { timeout: 10_000 }).toBe(200);
    expect(await ask('GET', headers.get('location')!)).toMatchObject({ status: 200, body });
    complaints.mockRestore();
  });
});
