/**
 * How long clients wait for the next acknowledged write: when the primary is killed, when it is told to hand over, and when
 * all members are restarted one after the other. ioredis and node-redis at once, behind one address and by Sentinels.
 *
 * FAILOVER_TIME_ROUNDS says how many rounds, and has the times judged as well: `npm run bench:failover` has the long form,
 * for a machine that does nothing else.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CLIENT_KINDS, ClientLoad, type ClientKind } from '../support/client-load.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

const ROUNDS = Number(process.env['FAILOVER_TIME_ROUNDS'] ?? 1);
const IS_JUDGED = process.env['FAILOVER_TIME_ROUNDS'] !== undefined;
const TIMEOUT_MS = 60_000 + ROUNDS * 60_000;
const KINDS = Object.keys(CLIENT_KINDS) as ClientKind[];

let shard: ShardProcesses;
/** The one address: leads to some member that runs, and as long as there is one to a replica. */
let entrance: FaultyProxy;
let behindEntrance: number;
let loads: ClientLoad[];
let times: Map<ClientKind, number[]>;

beforeAll(async () => {
  shard = await ShardProcesses.start(3, '--election-timeout-ms', '750');
  behindEntrance = ((await shard.primary()) + 1) % 3;
  entrance = await FaultyProxy.to(() => shard.nodes[behindEntrance]!.port);
});
afterEach(async () => {
  for (const load of loads) await load.stop();
});
afterAll(async () => {
  await entrance.close();
  await shard.remove();
});

async function startLoads(): Promise<void> {
  const sentinels = shard.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  times = new Map(KINDS.map((kind) => [kind, []]));
  loads = [];
  for (const kind of KINDS) loads.push(await ClientLoad.start(kind, kind.endsWith('Sentinel') ? sentinels : [{ host: '127.0.0.1', port: entrance.port }]));
}

async function restart(i: number): Promise<void> {
  await shard.restart(i);
  await shard.caughtUp(i);
}

/** Moves the clients of the one address to a replica. */
async function enterAtReplica(): Promise<void> {
  const primary = await shard.primary();
  if (behindEntrance !== primary) return;
  behindEntrance = (primary + 1) % 3;
  entrance.cut();
  await Promise.all(loads.map((load) => load.acknowledgement()));
}

/** Prints the figures and holds them against what is wanted, ms. */
function judge(what: string, { medianMs = Infinity, worstMs }: { medianMs?: number; worstMs: number }): void {
  const found = [...times].map(([kind, all]) => {
    const sorted = [...all].sort((a, b) => a - b);
    return { kind, median: sorted[Math.floor(sorted.length / 2)]!, worst: sorted.at(-1)! };
  });
  for (const { kind, median, worst } of found) console.log(`${what}, ${kind}: median ${median.toFixed(0)} ms, worst ${worst.toFixed(0)} ms`);
  if (!IS_JUDGED) return;
  expect(found.filter(({ median, worst }) => median > medianMs || worst > worstMs)).toEqual([]);
}

test(`${ROUNDS} rounds of kill -9: until the first new write is acknowledged`, { timeout: TIMEOUT_MS }, async () => {
  await startLoads();
  for (let round = 0; round < ROUNDS; round++) {
    await enterAtReplica();
    const primary = await shard.primary();
    const killedMs = performance.now();
    await shard.nodes[primary]!.kill('SIGKILL');
    await Promise.all(loads.map(async (load) => times.get(load.kind)!.push((await load.acknowledgement()) - killedMs)));
    await restart(primary);
  }
  judge('killed', { medianMs: 1500, worstMs: 3000 });
});

test(`${ROUNDS} rounds of FAILOVER: no error, and the longest time without an acknowledgement`, { timeout: TIMEOUT_MS }, async () => {
  await startLoads();
  for (let round = 0; round < ROUNDS; round++) {
    const primary = await shard.primary();
    const client = await shard.nodes[primary]!.connect();
    for (const load of loads) load.mark();
    expect(await client.send('FAILOVER')).toBe('+OK');
    await shard.primary(primary);
    await Promise.all(loads.map((load) => load.acknowledgement()));
    client.close();
    for (const load of loads) {
      expect(load.errors, load.kind).toEqual([]);
      times.get(load.kind)!.push(load.longestGapMs);
    }
  }
  judge('FAILOVER', { worstMs: 250 });
});

test(`${ROUNDS} rounds of restarting all: no error, and the longest time without an acknowledgement`, { timeout: TIMEOUT_MS }, async () => {
  await startLoads();
  for (let round = 0; round < ROUNDS; round++) {
    for (const i of shard.nodes.keys()) {
      // As a load balancer does: away from what is about to end.
      const entersThere = behindEntrance === i;
      if (entersThere) behindEntrance = (i + 1) % 3;
      for (const load of loads) load.mark();
      expect(await shard.nodes[i]!.kill('SIGTERM')).toBe(0);
      await Promise.all(loads.map((load) => load.acknowledgement()));
      for (const load of loads) {
        const mayBeCut = load.kind.endsWith('Sentinel') || entersThere;
        expect(load.errors.filter((text) => !mayBeCut || !isOfConnection(text)), load.kind).toEqual([]);
        times.get(load.kind)!.push(load.longestGapMs);
      }
      await restart(i);
    }
  }
  judge('restarts', { worstMs: 250 });
});

/** What a client says of itself when its connection ends: it tries again. */
function isOfConnection(text: string): boolean {
  return /^(Socket closed unexpectedly|Connection is closed\.|The client is closed|read ECONNRESET|connect ECONNREFUSED.*)$/.test(text);
}
