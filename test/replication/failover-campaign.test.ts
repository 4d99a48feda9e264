/**
 * Failovers under load: the primary is killed again and again, then a random node or two at once, while clients write in
 * pipelines. Everything acknowledged must be there, counters must be exact but for what was in doubt, and all members must
 * be equal in the end. FAILOVER_ROUNDS says how many rounds of the first kind, and half as many of the second;
 * `npm run test:failover` has the long form.
 */
import { expect, test } from 'vitest';
import { TestClient } from '../support/holdfast-process.ts';
import { randomOf } from '../engine/engine-rig.ts';
import { ShardProcesses } from '../support/shard-processes.ts';
import { testSeed } from '../support/test-seed.ts';

const PRIMARY_ROUNDS = Number(process.env['FAILOVER_ROUNDS'] ?? 2);
const RANDOM_ROUNDS = Math.ceil(PRIMARY_ROUNDS / 2);
const SEED = testSeed('FAILOVER_SEED');
const WRITERS = 4;
const PIPELINE = 8;
/** Killed once so many writes of this round are acknowledged. */
const WRITES_BEFORE_KILL = 200;

/** Writes unique keys and one counter, in pipelines, to whichever node answers; notes what was acknowledged. */
class Writer {
  acknowledged = 0;
  /** Increments acknowledged, and those whose outcome is not known. */
  increments = 0;
  inDoubt = 0;
  readonly #name: string;
  readonly #shard: ShardProcesses;
  readonly #acknowledgedKeys: string[] = [];
  #next = 0;
  #stopped = false;

  constructor(shard: ShardProcesses, name: string) {
    this.#shard = shard;
    this.#name = name;
  }

  async run(): Promise<void> {
    for (let node = 0; !this.#stopped; node++) {
      let client: TestClient;
      try {
        client = await TestClient.connect(this.#shard.nodes[node % this.#shard.nodes.length]!.port);
      } catch {
        await new Promise((resolve) => { setTimeout(resolve, 10); });
        continue;
      }
      await this.#writeTo(client);
      client.close();
    }
  }

  async #writeTo(client: TestClient): Promise<void> {
    while (!this.#stopped) {
      const sent = Array.from({ length: PIPELINE }, async () => {
        const key = `${this.#name}:${this.#next++}`;
        const [set, incr] = await Promise.allSettled([client.send('SET', key, key), client.send('INCR', `${this.#name}:counter`)]);
        if (set.status === 'fulfilled' && set.value === '+OK') {
          this.#acknowledgedKeys.push(key);
          this.acknowledged++;
        }
        if (incr.status === 'rejected') this.inDoubt++;
        else if (incr.value.startsWith(':')) this.increments++;
        return set.status === 'fulfilled' && incr.status === 'fulfilled';
      });
      if (!(await Promise.all(sent)).every(Boolean)) return;
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Compares what the shard has with what was acknowledged. */
  async verify(client: TestClient): Promise<void> {
    const counter = Number(await client.send('GET', `${this.#name}:counter`));
    expect(counter).toBeGreaterThanOrEqual(this.increments);
    expect(counter).toBeLessThanOrEqual(this.increments + this.inDoubt);
    const missing: string[] = [];
    for (let i = 0; i < this.#acknowledgedKeys.length; i += 500) {
      const keys = this.#acknowledgedKeys.slice(i, i + 500);
      const values = await Promise.all(keys.map((key) => client.send('GET', key)));
      for (const [at, key] of keys.entries()) if (values[at] !== key) missing.push(`${key}: ${values[at]}`);
    }
    expect(missing).toEqual([]);
  }
}

/** Kills those that `victimsOf` names once a round, under load, and compares what is there in the end. */
async function campaign(rounds: number, victimsOf: (shard: ShardProcesses) => number[] | Promise<number[]>): Promise<void> {
  const shard = await ShardProcesses.start(3, '--snapshot-freshness-min-bytes', '200000', '--snapshot-keep', '1');
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(shard, `w${i}`));
  const running = writers.map((writer) => writer.run());
  try {
    for (let round = 0; round < rounds; round++) {
      const before = writers.map((writer) => writer.acknowledged);
      const written = (): number => writers.reduce((sum, writer, i) => sum + writer.acknowledged - before[i]!, 0);
      while (written() < WRITES_BEFORE_KILL) await new Promise((resolve) => { setTimeout(resolve, 5); });
      const victims = await victimsOf(shard);
      await Promise.all(victims.map((victim) => shard.nodes[victim]!.kill('SIGKILL')));
      // With one of three gone the others go on without it.
      if (victims.length === 1) await shard.primary();
      await Promise.all(victims.map((victim) => shard.restart(victim)));
      await shard.primary();
    }
    for (const writer of writers) writer.stop();
    await Promise.all(running);
    expect(new Set(await shard.digests()).size).toBe(1);
    const client = await shard.nodes[await shard.primary()]!.connect();
    for (const writer of writers) await writer.verify(client);
    client.close();
  } finally {
    for (const writer of writers) writer.stop();
    await shard.remove();
  }
}

const timeoutMs = (rounds: number): number => 60_000 + rounds * 60_000;

test(`${PRIMARY_ROUNDS} rounds of killed primaries`, { timeout: timeoutMs(PRIMARY_ROUNDS) }, () => (
  campaign(PRIMARY_ROUNDS, async (shard) => [await shard.primary()])
));

test(`${RANDOM_ROUNDS} rounds of a random member or two killed at once (seed ${SEED})`, { timeout: timeoutMs(RANDOM_ROUNDS) }, () => {
  const random = randomOf(SEED);
  const any = (): number => Math.floor(random() * 3);
  return campaign(RANDOM_ROUNDS, () => {
    const first = any();
    return random() < 0.5 ? [first] : [first, (first + 1 + Math.floor(random() * 2)) % 3];
  });
});
