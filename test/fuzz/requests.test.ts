/**
 * Bytes of clients that are whole, spoilt, or nothing at all, given to a connection without a socket: however they are cut, and whether or
 * not the log keeps up, what comes back is the same bytes, at an end that is the same, and little memory is taken for what has not come yet.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import type { ClientSocket } from '../../src/server/client-socket.ts';
import { Connection } from '../../src/server/connection.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { encodeCommand } from '../protocol/real-redis.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { ServerRig } from '../server/server-rig.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';

const STREAMS_PER_ROUND = 12;
const CUTS_PER_STREAM = 3;
const PASSWORD = 'secret';
/** Not one that the server gives, and the same each time: some replies show it. */
const CLIENT_ID = 1e9;
/** So few bytes in the log have writers wait, and their commands be read a second time. No directive goes so low. */
const IN_FLIGHT_BYTES_MAX = 600;
const BULK_BYTES_MAX = String(1024 * 1024);
/** Turns without anything new, with everything committed, after which nothing more will come. */
const QUIET_TURNS = 4;
const TURNS_MAX = 100_000;
const MIB = 1024 * 1024;
/** Buffers grow by doubling, old and new side by side. */
const BYTES_PER_BYTE_MAX = 16;
const BYTES_MAX = 4 * MIB;

/** Nobody listens to "elsewhere": when a message comes between replies depends on when writes before it are committed. */
const WORDS = ['a', 'b', '', 'hello', '0', '-1', '3', '\0\xff\r\n*$', 'x'.repeat(70), 'y'.repeat(600), "it's", '"q"', '\\', '\\x41', ' ', '\t'];
const COMMANDS: readonly (readonly string[])[] = [
  ['ECHO', '?'], ['PING'], ['SET', '?', '?'], ['GET', '?'], ['APPEND', '?', '?'], ['DEL', '?', '?'], ['RPUSH', 'list', '?', '?', '?'], ['LRANGE', 'list', '0', '-1'], ['MULTI'], ['EXEC'], ['DISCARD'],
  ['MSET', '?', '?', '?', '?'], ['MGET', '?', '?', '?', '?', '?', '?', '?', '?', '?', '?', '?'], ['HELLO', '3'], ['HELLO', '2'], ['RESET'], ['AUTH', PASSWORD], ['AUTH', '?'], ['SELECT', '?'], ['CLIENT', 'REPLY', 'SKIP'],
  ['CLIENT', 'REPLY', 'OFF'], ['CLIENT', 'REPLY', 'ON'], ['SUBSCRIBE', '?'], ['UNSUBSCRIBE'], ['PUBLISH', 'elsewhere', '?'], ['COMMAND', 'COUNT'], ['NOSUCH', '?'], ['GET'], ['WATCH', '?'], ['EVAL', "return redis.call('GET', KEYS[1])", '1', '?'],
];
/** Said so seldom that the rest of a stream is mostly heard. */
const LAST_COMMANDS: readonly (readonly string[])[] = [['QUIT'], ['CLIENT', 'KILL', 'ID', String(CLIENT_ID)]];
const NUMBERS = ['0', '-1', '1', '2', '3', '10', '11', '16384', '16385', '1048576', '1048577', '2147483647', '2147483648', '4294967296', '9223372036854775808', '00', '+1', ' 1', '1 ', 'x', '', '9'.repeat(40)];
const TOKENS = ['*', '$', '\r\n', '\r', '\n', '\r\n\r\n', '"', "'", '\\', '\0', ' ', '\t', '*0\r\n', '*-1\r\n', '$-1\r\n', '*1\r\n$4\r\nPING\r\n', 'PING\r\n', '+OK\r\n', ':1\r\n', '%1\r\n', '>2\r\n', 'GET / HTTP/1.1\r\n', '\x16\x03\x01'];
const LINE_LENGTHS = [65_534, 65_535, 65_536, 65_537, 70_000];

function quoted(random: SeededRandom, word: string): string {
  if (word !== '' && !/[\s"'\\\0]/.test(word) && random.below(3) > 0) return word;
  return `"${word.replace(/[^ -~]|["\\]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

function piece(random: SeededRandom): string {
  const choice = random.below(40);
  if (choice === 0) return random.pick(TOKENS);
  if (choice === 1) return `*${random.pick(NUMBERS)}\r\n`;
  if (choice === 2) return `*2\r\n$4\r\nECHO\r\n$${random.pick(NUMBERS)}\r\n`;
  if (choice === 3) return `ECHO ${random.pick(WORDS)}\n`;
  if (choice === 4) return `ECHO ${'l'.repeat(random.pick(LINE_LENGTHS) - 5)}${random.pick(['\n', '\r\n', ''])}`;
  if (choice === 5) return `${random.pick(['*', '*1\r\n$', ''])}${'1'.repeat(random.pick(LINE_LENGTHS))}`;
  const command = choice === 6 ? random.pick(LAST_COMMANDS) : random.pick(COMMANDS);
  const words = command.map((word) => (word === '?' ? random.pick(WORDS) : word));
  return random.below(3) === 0 ? `${words.map((word) => quoted(random, word)).join(random.pick([' ', '  ', '\t']))}${random.pick(['\n', '\r\n'])}` : encodeCommand(...words);
}

function spoilt(random: SeededRandom, text: string): string {
  let out = text;
  for (let n = random.pick([1, 1, 2, 5]); n > 0; n--) {
    const at = random.below(out.length + 1);
    const put = random.pick(['', random.pick(TOKENS), random.pick(NUMBERS), String.fromCharCode(random.below(256)), out.slice(at, at + random.below(40))]);
    out = out.slice(0, at) + put + out.slice(random.below(2) === 0 ? at : at + random.below(random.pick([2, 20])));
  }
  return out;
}

/** What a client sends. It may be cut off, or never have been a client's. */
function streamOf(random: SeededRandom): string {
  const size = 1 + random.below(random.pick([4, 20, 60]));
  if (random.below(12) === 0) return Array.from({ length: size * 4 }, () => String.fromCharCode(random.below(256))).join('');
  const text = (random.below(4) > 0 ? encodeCommand('AUTH', PASSWORD) : '') + Array.from({ length: size }, () => piece(random)).join('');
  const out = random.below(3) > 0 ? spoilt(random, text) : text;
  return random.below(6) === 0 ? out.slice(0, random.below(out.length)) : out;
}

/** Where a stream is cut: anywhere, into single bytes, or so that a buffer's worth stays whole. */
function cut(random: SeededRandom, length: number): number[] {
  if (length < 400 && random.below(3) === 0) return Array.from({ length }, () => 1);
  const sizeMax = random.pick([2, 5, 30, 1000, 40_000]);
  const sizes: number[] = [];
  for (let left = length; left > 0; left -= sizes.at(-1)!) {
    // A long stream in tiny pieces would take its time and find nothing else.
    sizes.push(Math.min(left, 1 + random.below(sizes.length > 300 ? 40_000 : sizeMax)));
  }
  return sizes;
}

class NoSocket implements ClientSocket {
  readonly writableLength = 0;
  destroyed = false;
  isEnded = false;
  isPaused = false;
  readonly #out: Buffer[] = [];

  write(bytes: Uint8Array): boolean {
    // The bytes are a shared buffer's.
    this.#out.push(Buffer.from(bytes));
    return true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  setKeepAlive(): void {
    // There is nobody whose end might not be noticed.
  }

  get text(): string {
    return Buffer.concat(this.#out).toString('latin1');
  }

  get isOver(): boolean {
    return this.destroyed || this.isEnded;
  }
}

class Streams {
  readonly #rig: ServerRig;
  readonly #log: ScriptedLog;

  constructor(rig: ServerRig, log: ScriptedLog) {
    this.#rig = rig;
    this.#log = log;
  }

  /**
   * What the server answers to bytes that come in pieces of these sizes, and whether it ended the connection.
   * @param lazy whether the log commits when it pleases, not in each turn
   */
  async answer(bytes: Uint8Array, sizes: readonly number[], random: SeededRandom, lazy: boolean): Promise<string> {
    const { server } = this.#rig;
    const socket = new NoSocket();
    const connection = new Connection(server, socket, CLIENT_ID, server.nowMs);
    server.connections.set(CLIENT_ID, connection);
    const before = this.#bufferBytes();
    let at = 0;
    for (const size of sizes) {
      if (socket.isOver) break;
      // The buffer is the server's own, and another's next.
      const shared = Buffer.concat([bytes.subarray(at, at += size), latin1Bytes('*1\r\n$4\r\nPING\r\n')]);
      server.enterTurn(() => connection.receive(shared, size));
      shared.fill(0x0d);
      if (!connection.wantsInput) {
        socket.isPaused = true;
        await this.#settle(connection, socket);
        if (socket.isPaused && !socket.isOver) throw new Error('the connection is not read any more, and waits for nothing');
      } else if (random.below(2) === 0) {
        await nextTurn();
        if (!lazy || random.below(3) === 0) this.#log.commit();
      }
    }
    await this.#settle(connection, socket);
    const taken = this.#bufferBytes() - before;
    if (taken > BYTES_MAX + bytes.length * BYTES_PER_BYTE_MAX) throw new Error(`${bytes.length} bytes took ${taken}`);
    if (connection.inputBytes > bytes.length) throw new Error(`${connection.inputBytes} bytes wait, of ${bytes.length}`);
    const { text, isOver } = socket;
    connection.close();
    return `${isOver ? 'ended' : 'open'} ${text}`;
  }

  /** Bytes of array buffers but for the arena's chunks, which are reserved as a whole. */
  #bufferBytes(): number {
    const { u8 } = this.#rig.server.engine.keyspace.arena;
    return process.memoryUsage().arrayBuffers - u8.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Commits and turns until nothing more comes. */
  async #settle(connection: Connection, socket: NoSocket): Promise<void> {
    let seen = '';
    for (let turns = 0, quiet = 0; quiet < QUIET_TURNS; turns++) {
      if (turns > TURNS_MAX) throw new Error('it does not come to an end');
      this.#log.commit();
      await nextTurn();
      const now = `${connection.commands} ${connection.bytesOut} ${connection.inputBytes} ${connection.output.bytes} ${socket.isOver}`;
      quiet = now === seen && this.#log.commitIndex === this.#log.lastIndex ? quiet + 1 : 0;
      seen = now;
    }
  }

  /** Empties the server for the next. */
  async empty(): Promise<void> {
    const random = new SeededRandom(1);
    const bytes = latin1Bytes(encodeCommand('AUTH', PASSWORD) + encodeCommand('FLUSHALL'));
    if (await this.answer(bytes, [bytes.length], random, false) !== 'open +OK\r\n+OK\r\n') throw new Error('FLUSHALL is refused');
    this.#log.blocks.fill(NO_BLOCK);
  }
}

/** In place of what nobody reads again. */
const NO_BLOCK = new Uint8Array(0);

let rig: ServerRig;
let streams: Streams;

beforeAll(async () => {
  const log = new ScriptedLog('held');
  rig = await ServerRig.on(log, '--requirepass', PASSWORD, '--proto-max-bulk-len', BULK_BYTES_MAX);
  rig.server.config.txlogMaxInFlightBytes = IN_FLIGHT_BYTES_MAX;
  streams = new Streams(rig, log);
});
afterAll(() => rig.stop());

async function round(random: SeededRandom): Promise<void> {
  for (let n = 0; n < STREAMS_PER_ROUND; n++) {
    const text = streamOf(random);
    const bytes = latin1Bytes(text);
    await streams.empty();
    const whole = await streams.answer(bytes, bytes.length === 0 ? [] : [bytes.length], random, false);
    for (let cuts = 0; cuts < CUTS_PER_STREAM; cuts++) {
      const sizes = cut(random, bytes.length);
      await streams.empty();
      const inPieces = await streams.answer(bytes, sizes, random, random.below(2) === 0);
      if (inPieces !== whole) throw new Error(`${shown(text)} gives ${shown(whole)}, and in pieces of ${JSON.stringify(sizes.slice(0, 200))} ${shown(inPieces)}`);
    }
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length < 4000 ? text : `${text.slice(0, 2000)} … ${text.slice(-2000)}`);
}

test('bytes of clients', async () => {
  await campaign('requests', 14, round);
}, FUZZ_TIMEOUT_MS);
