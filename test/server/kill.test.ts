/**
 * kill -9 at random moments under a pipelined write load, with snapshots and trims going on: what was acknowledged is
 * there, and what is there of the rest is a prefix of what was sent. `npm run test:kill` makes a hundred rounds of it.
 */
import { afterEach, expect, test } from 'vitest';
import { randomOf } from '../engine/engine-rig.ts';
import { HoldfastProcess, type TestClient, arrayOf } from '../support/holdfast-process.ts';
import { testSeed } from '../support/test-seed.ts';

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 4);
const SEED = testSeed('KILL_SEED');
const WRITERS = 8;
/** Writes of each writer whose replies have not come yet. */
const DEPTH = 16;
const FIELDS = 300;
const KEYS = 200;

/** Elements of each list and set: so much that a snapshot takes a while, not ever more. */
const KEPT = 500;

/** The log is trimmed behind the newest snapshot rather than the one before. */
const TRIM_EARLY = ['--snapshot-keep', '1'];

let server: HoldfastProcess | null = null;
afterEach(async () => {
  await server?.remove();
  server = null;
});

/** Writes of one kind by one writer, numbered from 1: the last one sent, and the last one acknowledged. */
class Sequence {
  sent = 0;
  acknowledged = 0;

  /** After a crash: `found` is the last one that is there. */
  settle(found: number, what: string): void {
    expect(found, `${what}: an acknowledged write is gone`).toBeGreaterThanOrEqual(this.acknowledged);
    expect(found, `${what}: a write that nobody sent, or one that counted twice`).toBeLessThanOrEqual(this.sent);
    this.acknowledged = this.sent = found;
  }
}

/** One connection's load: each step is a transaction and plain writes, sent without waiting for replies. */
class Writer {
  readonly #id: number;
  readonly #transactions = new Sequence();
  readonly #counter = new Sequence();
  readonly #pushes = new Sequence();
  readonly #keys = new Sequence();
  readonly #members = new Sequence();

  constructor(id: number) {
    this.#id = id;
  }

  /** Sends a step; calls `acknowledged` when its last reply has come. */
  step(client: TestClient, acknowledged: () => void): void {
    const id = this.#id;
    const nothing = (): void => undefined;
    const send = (sequence: Sequence, n: number, expected: string | null, ...words: (string | number)[]): Promise<void> => client.send(...words).then((reply) => {
      expect(reply).toMatch(/^[+:]/);
      if (expected !== null) expect(reply).toBe(expected);
      sequence.acknowledged = n;
    });
    const n = ++this.#transactions.sent;
    for (const words of [['MULTI'], ['SET', `last:${id}`, n], ['HSET', `fields:${id}`, `f${n % FIELDS}`, n], ['INCR', `transactions:${id}`]]) {
      client.send(...words).catch(nothing);
    }
    client.send('EXEC').then((reply) => {
      expect(reply).toMatch(new RegExp(`^\\*3\r\n\\+OK\r\n:[01]\r\n:${n}$`));
      this.#transactions.acknowledged = n;
    }, nothing);
    const count = ++this.#counter.sent;
    send(this.#counter, count, `:${count}`, 'INCR', `counter:${id}`).catch(nothing);
    const push = ++this.#pushes.sent;
    send(this.#pushes, push, null, 'RPUSH', `list:${id}`, push).catch(nothing);
    client.send('LTRIM', `list:${id}`, -KEPT, -1).catch(nothing);
    const key = ++this.#keys.sent;
    send(this.#keys, key, '+OK', 'SET', `key:${id}:${key % KEYS}`, key).catch(nothing);
    client.send('SREM', `set:${id}`, this.#members.sent - KEPT + 1).catch(nothing);
    const member = ++this.#members.sent;
    send(this.#members, member, ':1', 'SADD', `set:${id}`, member).then(acknowledged, nothing);
  }

  /** After a crash: compares everything with what was sent and acknowledged, and goes on from there. */
  async check(client: TestClient, round: string): Promise<void> {
    const id = this.#id;
    const what = (kind: string): string => `${round}, writer ${id}, ${kind}`;
    const number = async (...words: string[]): Promise<number> => Number((await client.send(...words)).replace(/^:/, '').replace('$-1', '0'));
    const sequences = [this.#transactions, this.#counter, this.#pushes, this.#keys, this.#members];
    const before = sequences.map((sequence) => sequence.sent);

    const last = await number('GET', `last:${id}`);
    expect(await number('GET', `transactions:${id}`), what('a transaction is there in part, twice or not at all')).toBe(last);
    const names = Array.from({ length: FIELDS }, (_, n) => `f${n}`);
    const fields = arrayOf(await client.send('HMGET', `fields:${id}`, ...names)).map(Number);
    expect(fields, what('fields')).toEqual(names.map((_, n) => newest(last, n, FIELDS)));
    this.#transactions.settle(last, what('transactions'));

    this.#counter.settle(await number('GET', `counter:${id}`), what('counter'));

    const list = arrayOf(await client.send('LRANGE', `list:${id}`, 0, -1)).map(Number);
    const pushed = list.at(-1) ?? 0;
    expect(list, what('list')).toEqual(Array.from({ length: list.length }, (_, n) => pushed - list.length + 1 + n));
    expect([Math.min(KEPT, pushed), Math.min(KEPT + 1, pushed)], what('list')).toContain(list.length);
    this.#pushes.settle(pushed, what('list'));

    const slots = Array.from({ length: KEYS }, (_, n) => `key:${id}:${n}`);
    const values = arrayOf(await client.send('MGET', ...slots)).map(Number);
    const newestKey = Math.max(...values);
    expect(values, what('keys')).toEqual(slots.map((_, n) => newest(newestKey, n, KEYS)));
    this.#keys.settle(newestKey, what('keys'));

    const members = arrayOf(await client.send('SMEMBERS', `set:${id}`)).map(Number).sort((x, y) => x - y);
    const added = members.at(-1) ?? 0;
    expect(members, what('set')).toEqual(Array.from({ length: members.length }, (_, n) => added - members.length + 1 + n));
    expect([Math.min(KEPT - 1, added), Math.min(KEPT, added)], what('set')).toContain(members.length);
    this.#members.settle(added, what('set'));

    // Of the steps in doubt those that are there come before those that are not.
    const missing = sequences.map((sequence, n) => before[n]! - sequence.sent);
    expect(missing, what('a later write is there without an earlier one')).toEqual([...missing].sort((a, b) => a - b));
    expect(missing.at(-1)! - missing[0]!, what('writes are missing between others')).toBeLessThanOrEqual(1);
  }
}

/** The largest number up to `last` that leaves the remainder `n`, or 0. */
function newest(last: number, n: number, divisor: number): number {
  return Math.max(0, last - ((last - n) % divisor + divisor) % divisor);
}

test(`${ROUNDS} rounds of kill -9 under pipelined writes lose nothing acknowledged`, { timeout: 60_000 + ROUNDS * 15_000 }, async () => {
  const random = randomOf(SEED);
  server = await HoldfastProcess.start(...TRIM_EARLY);
  const writers = Array.from({ length: WRITERS }, (_, id) => new Writer(id));
  let fromSnapshot = 0;
  let firstIndex = 1;
  let trims = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const where = `seed ${SEED}, round ${round}`;
    const clients: TestClient[] = [];
    const target = Math.floor(random() * 6000);
    // One round ends while the first snapshot is being made, the next behind it: while the log is trimmed, or a second one made.
    const saved = round % 2 === 1;
    const saver = await server.connect();
    clients.push(saver);
    let steps = 0;
    let isSaved = false;
    await new Promise<void>((reached, failed) => {
      const reach = (): void => { if (steps >= target && (isSaved || !saved)) reached(); };
      const save = (): void => {
        saver.send('SAVE').then((reply) => {
          expect(reply, where).toBe('+OK');
          isSaved = true;
          reach();
          save();
        }, () => undefined);
      };
      const load = (client: TestClient, writer: Writer): void => {
        writer.step(client, () => {
          steps++;
          reach();
          load(client, writer);
        });
      };
      Promise.all(writers.map(async (writer) => {
        const client = await server!.connect();
        clients.push(client);
        for (let depth = 0; depth < DEPTH; depth++) load(client, writer);
      })).then(save, failed);
    });
    // Up to here the moment is one at which a reply came; what follows is any.
    await new Promise((resolve) => { setTimeout(resolve, random() * 100); });
    await server.kill('SIGKILL');
    for (const client of clients) client.close();
    await server.restart(...TRIM_EARLY);
    if (server.output.includes('DB loaded from snapshot')) fromSnapshot++;
    const reader = await server.connect();
    for (const writer of writers) await writer.check(reader, where);
    expect(await reader.send('DEBUG', 'CHECK'), where).toBe('+OK');
    const first = Number(/^txlog_first_index:(\d+)/m.exec(await reader.send('INFO', 'persistence'))![1]);
    if (first > firstIndex) trims++;
    firstIndex = first;
    reader.close();
  }
  if (ROUNDS < 10) return;
  expect(fromSnapshot, `seed ${SEED}: rounds after which a snapshot was loaded`).toBeGreaterThan(ROUNDS / 2);
  expect(trims, `seed ${SEED}: rounds in which the log was trimmed`).toBeGreaterThan(ROUNDS / 4);
  console.log(`seed ${SEED}: ${fromSnapshot} of ${ROUNDS} recoveries began with a snapshot, the log was trimmed in ${trims} rounds`);
});
