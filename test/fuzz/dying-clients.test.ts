/**
 * Clients that listen, cache, watch over others' shoulders and wait, and that end in the middle of whatever it is: nothing of them may
 * stay behind, and those that live get what is theirs, whole.
 */
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'vitest';
import { RespReader } from '../../src/protocol/resp-reader.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { ServerRig } from '../server/server-rig.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ENGINES_GROWTH_BYTES_MAX, FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';

const CLIENTS = 12;
const STEPS_PER_ROUND = 120;
/** Past this a listener that does not read is ended. */
const OUTPUT_LIMIT = '65536 0 0';
const GONE_MS_MAX = 20_000;

const KEYS = ['a', 'b', 'c', 'list', 'list2', 'stream'];
/** As the server gives them, from the first client on: some are there, some gone, some to come. */
const CLIENT_IDS = Array.from({ length: 30 }, (_, i) => String(i + 1));
const CHANNELS = ['news', 'sport', 'news.local'];

/** What a client may ask for: words that the round's choices are put into. */
const REQUESTS: readonly ((pick: (from: readonly string[]) => string) => readonly string[])[] = [
  (pick) => ['SUBSCRIBE', pick(CHANNELS), pick(CHANNELS)],
  (pick) => ['PSUBSCRIBE', pick(['news*', '*', '?port'])],
  (pick) => ['SSUBSCRIBE', pick(CHANNELS)],
  (pick) => ['UNSUBSCRIBE', pick(CHANNELS)],
  () => ['PUNSUBSCRIBE'],
  (pick) => ['PUBLISH', pick(CHANNELS), pick(['x', 'y'.repeat(20_000)])],
  (pick) => ['SPUBLISH', pick(CHANNELS), 'x'],
  (pick) => ['HELLO', pick(['2', '3', '3'])],
  () => ['CLIENT', 'TRACKING', 'ON'],
  (pick) => ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', pick(KEYS)],
  () => ['CLIENT', 'TRACKING', 'OFF'],
  () => ['CLIENT', 'TRACKING', 'ON', 'OPTIN'],
  (pick) => ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', pick(CLIENT_IDS)],
  (pick) => ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', pick(CLIENT_IDS), 'BCAST', 'NOLOOP'],
  () => ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a', 'PREFIX', 'b', 'NOLOOP'],
  () => ['CLIENT', 'TRACKING', 'ON', 'OPTOUT'],
  (pick) => ['CLIENT', 'CACHING', pick(['YES', 'NO'])],
  () => ['CLIENT', 'TRACKINGINFO'],
  () => ['SUBSCRIBE', '__redis__:invalidate'],
  () => ['MGET', 'a', 'b', 'c'], () => ['MSET', 'a', '1', 'b', '2'], () => ['DEL', 'a', 'b', 'c'],
  (pick) => ['CLIENT', 'KILL', 'ID', pick(CLIENT_IDS)],
  (pick) => ['GET', pick(KEYS.slice(0, 3))],
  (pick) => ['SET', pick(KEYS.slice(0, 3)), pick(['1', 'z'.repeat(5000)])],
  (pick) => ['SET', pick(KEYS.slice(0, 3)), '1', 'PX', pick(['1', '5', '10000'])],
  () => ['MONITOR'],
  (pick) => ['BLPOP', pick(['list', 'list2']), 'list', pick(['0', '0.01'])],
  () => ['BLMOVE', 'list', 'list2', 'LEFT', 'RIGHT', '0'],
  () => ['XREAD', 'BLOCK', '0', 'STREAMS', 'stream', '$'],
  () => ['RPUSH', 'list', '1', '2'],
  () => ['XADD', 'stream', '*', 'f', 'v'],
  (pick) => ['WATCH', pick(KEYS)],
  () => ['MULTI'], () => ['EXEC'], () => ['RESET'], () => ['QUIT'],
  (pick) => ['CLIENT', 'REPLY', pick(['ON', 'OFF', 'SKIP'])],
  (pick) => ['CLIENT', 'KILL', 'TYPE', pick(['pubsub', 'normal']), 'SKIPME', pick(['yes', 'no'])],
  () => ['EVAL', "redis.call('PUBLISH', 'news', 'script') return redis.call('RPUSH', 'list', 'x')", '0'],
  () => ['FLUSHALL'],
];

/** A client that reads, or does not, and must be sent whole replies as long as it does. */
class MortalClient {
  readonly socket: net.Socket;
  failure: Error | null = null;
  readonly #reader = new RespReader();

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('data', (bytes) => {
      try {
        this.#reader.push(bytes);
        while (this.#reader.next() !== undefined);
      } catch (error) {
        this.failure = error as Error;
      }
    });
  }

  /** Sends a command, or only its beginning. */
  send(words: readonly string[], part: number): void {
    const bytes = Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(bytes.subarray(0, Math.ceil(bytes.length * part)));
  }

  die(how: 'reset' | 'end' | 'destroy'): void {
    if (how === 'reset') this.socket.resetAndDestroy();
    else if (how === 'end') this.socket.end();
    else this.socket.destroy();
  }
}

/** What the server knows of clients. Of one that is gone nothing may be left. */
function remains({ server }: ServerRig): Record<string, number> {
  const { pubsub, tracking, engine } = server;
  return {
    connections: server.connections.size, blocked: engine.blocking.count, paused: server.pause.waiting, inFlight: server.gate.inFlight,
    channels: pubsub.names('channel').length, patterns: pubsub.names('pattern').length, shardChannels: pubsub.names('shard').length,
    tracking: tracking.clients, trackedPrefixes: tracking.prefixes, watchesMonitors: engine.onCommand === null ? 0 : 1,
  };
}

async function round(random: SeededRandom): Promise<void> {
  const rig = await ServerRig.on(new ScriptedLog('at once'), '--client-output-buffer-limit', `pubsub ${OUTPUT_LIMIT}`, '--notify-keyspace-events', 'KEA');
  const clients: MortalClient[] = [];
  try {
    const { port } = rig.server;
    for (let step = 0; step < STEPS_PER_ROUND; step++) {
      const alive = clients.filter(({ socket }) => !socket.destroyed);
      if (alive.length < CLIENTS && (alive.length === 0 || random.below(3) === 0)) {
        const client = new MortalClient(port);
        clients.push(client);
        await once(client.socket, 'connect');
        continue;
      }
      const client = random.pick(alive);
      const words = random.pick(REQUESTS)((from) => random.pick(from));
      const dies = random.below(12) === 0;
      if (random.below(15) === 0) client.socket.pause();
      client.send(words, dies && random.below(2) === 0 ? random.float() : 1);
      if (dies) client.die(random.pick(['reset', 'end', 'destroy']));
      if (random.below(4) === 0) await new Promise((resolve) => { setImmediate(resolve); });
    }
    // Those that are left are asked for an end, in the middle of whatever they do.
    for (const { socket } of clients) socket.destroy();
    const until = performance.now() + GONE_MS_MAX;
    while (rig.server.connections.size > 0 && performance.now() < until) await new Promise((resolve) => { setImmediate(resolve); });
    const left = Object.entries(remains(rig)).filter(([, count]) => count !== 0);
    if (left.length > 0) throw new Error(`left behind: ${left.map(([name, count]) => `${name} ${count}`).join(', ')}`);
    for (const { failure } of clients) if (failure !== null) throw failure;
    rig.server.engine.types.check();
  } finally {
    for (const { socket } of clients) socket.destroy();
    await rig.stop();
  }
}

test('clients that die in the middle of anything', async () => {
  await campaign('dying clients', 14, round, { buffersGrowthMax: ENGINES_GROWTH_BYTES_MAX });
}, FUZZ_TIMEOUT_MS);
