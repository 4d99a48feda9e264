/**
 * The primary is cut off in one direction alone: it hears the others and they do not hear it, or they hear it and it does
 * not hear them. Nothing stale is read from it, nothing that it acknowledged is lost, and what is in doubt ends with a closed
 * connection, never with an error that clients retry (promises P1, P2, P4, P5).
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { PeerProxies } from '../support/peer-proxies.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

const WRITERS = 4;
const PIPELINE = 8;

let proxies: PeerProxies;
let shard: ShardProcesses;
const clients: TestClient[] = [];

async function connect(i: number): Promise<TestClient> {
  const client = await shard.nodes[i]!.connect();
  clients.push(client);
  return client;
}

beforeEach(async () => {
  proxies = new PeerProxies();
  shard = await ShardProcesses.start(3, { reachedAt: proxies.reachedAt });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await shard.remove();
  await proxies.close();
});

/** Increments a counter in pipelines on one connection until that ends. */
class Counter {
  acknowledged = 0;
  inDoubt = 0;
  /** Replies that are no numbers. */
  readonly errors: string[] = [];
  readonly key: string;
  readonly ended: Promise<void>;

  constructor(client: TestClient, key: string) {
    this.key = key;
    this.ended = this.#run(client);
  }

  async #run(client: TestClient): Promise<void> {
    while (this.inDoubt === 0) {
      const replies = await Promise.allSettled(Array.from({ length: PIPELINE }, () => client.send('INCR', this.key)));
      for (const reply of replies) {
        if (reply.status === 'rejected') this.inDoubt++;
        else if (reply.value.startsWith(':')) this.acknowledged++;
        else this.errors.push(reply.value);
      }
    }
  }
}

test.each<[string, 'in' | 'out']>([
  ['sends and does not hear', 'in'],
  ['hears and is not heard', 'out'],
])('a primary that %s', async (_what, direction) => {
  const first = await shard.primary();
  const id = await shard.info(first, 'member_id');
  const setter = await connect(first);
  expect(await setter.send('SET', 'k', 'old')).toBe('+OK');
  const counters: Counter[] = [];
  for (let i = 0; i < WRITERS; i++) counters.push(new Counter(await connect(first), `counter:${i}`));
  while (counters.some(({ acknowledged }) => acknowledged < 100)) await setter.send('PING');

  proxies.isolate(first, id, direction);
  // Everything it holds is in doubt as soon as it no longer leads: those clients are cut.
  for (const counter of counters) await counter.ended;
  const second = await shard.primary(first);
  const there = await connect(second);
  expect(await there.send('SET', 'k', 'new')).toBe('+OK');
  const reader = await connect(first);
  const read = reader.send('GET', 'k');
  const late = setter.send('SET', 'late', 'yes');
  // It does not know what became of its last effects, so it has nothing to show even to those who take what a replica has (promise P3).
  const readOnly = await connect(first);
  expect(await readOnly.send('READONLY')).toBe('+OK');
  expect(await readOnly.send('GET', 'k')).toMatch(/^(-LOADING.*|old|new)$/);
  for (const { key } of counters) expect(await there.send('INCR', key)).toMatch(/^:/);
  expect(await there.send('GET', 'late')).toBe('$-1');
  expect(reader.outstanding + setter.outstanding).toBe(2);

  proxies.heal();
  expect(await read).toBe('new');
  expect(await late).toBe('+OK');
  for (const { key, acknowledged, inDoubt, errors } of counters) {
    expect(errors).toEqual([]);
    expect(inDoubt).toBeGreaterThan(0);
    const value = Number(await there.send('GET', key));
    expect(value).toBeGreaterThanOrEqual(acknowledged + 1);
    expect(value).toBeLessThanOrEqual(acknowledged + inDoubt + 1);
  }
  expect(await there.send('GET', 'late')).toBe('yes');
  expect(new Set(await shard.digests()).size).toBe(1);
});
