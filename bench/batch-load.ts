/**
 * Clients that each send a batch of writes, wait until all of it is answered, and send the next: how many writes a second, and how long
 * a batch takes. One kind speaks RESP, the other etcd's gRPC. Both work in this process, and do as little as they can.
 */
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { encode } from './client.ts';
import { percentile } from './statistics.ts';

export interface BatchOptions {
  readonly port: number;
  readonly clients: number;
  /** Writes in a batch. */
  readonly pipeline: number;
  readonly seconds: number;
  /** Goes on beyond that while this says so. */
  readonly goesOn?: () => boolean;
  readonly keyspace: number;
  readonly valueBytes: number;
  /** See ThreeNodes.confirm. */
  readonly confirm: string;
}

export interface BatchResult {
  readonly writesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Notes how long each batch took until the time is over. */
class Clock {
  readonly #endMs: number;
  readonly #startedMs = performance.now();
  readonly #pipeline: number;
  readonly #goesOn: () => boolean;
  readonly #batchMs: number[] = [];
  #lastMs = 0;

  constructor({ seconds, pipeline, goesOn }: BatchOptions) {
    this.#endMs = this.#startedMs + seconds * 1000;
    this.#pipeline = pipeline;
    this.#goesOn = goesOn ?? ((): boolean => false);
  }

  /** A batch that was sent at `sentMs` is answered; whether another is to be sent. */
  answered(sentMs: number): boolean {
    this.#lastMs = performance.now();
    this.#batchMs.push(this.#lastMs - sentMs);
    return this.#lastMs < this.#endMs || this.#goesOn();
  }

  get result(): BatchResult {
    const writes = this.#batchMs.length * this.#pipeline;
    return { writesPerSecond: writes / (this.#lastMs - this.#startedMs) * 1000, p50Ms: percentile(this.#batchMs, 0.5), p99Ms: percentile(this.#batchMs, 0.99) };
  }
}

const MINUS = 45;

/** SETs over RESP. @throws Error at an error reply, or when WAIT reached nobody */
export async function respBatches(options: BatchOptions): Promise<BatchResult> {
  const clock = new Clock(options);
  await Promise.all(Array.from({ length: options.clients }, () => respClient(options, clock)));
  return clock.result;
}

async function respClient({ port, pipeline, keyspace, valueBytes, confirm }: BatchOptions, clock: Clock): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const value = 'x'.repeat(valueBytes);
  // "+OK" for each write, one digit for WAIT.
  const expected = pipeline * 5 + (confirm === '' ? 0 : 4);
  await new Promise<void>((resolve, reject) => {
    let sentMs = 0;
    let received = 0;
    const send = (): void => {
      let text = '';
      for (let i = 0; i < pipeline; i++) text += encode('SET', `key:${Math.floor(Math.random() * keyspace)}`, value);
      sentMs = performance.now();
      received = 0;
      socket.write(text + confirm, 'latin1');
    };
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (bytes) => {
      received += bytes.length;
      if (bytes.includes(MINUS) || bytes.includes(':0\r\n')) return reject(new Error(`refused: ${bytes.toString('latin1', 0, 200)}`));
      if (received < expected) return;
      if (clock.answered(sentMs)) send();
      else resolve();
    });
    send();
  });
  socket.removeAllListeners('close');
  socket.destroy();
}

/** Puts over gRPC, each client with a connection of its own and a batch of calls at once. @throws Error when one fails */
export async function etcdBatches(options: BatchOptions): Promise<BatchResult> {
  const clock = new Clock(options);
  await Promise.all(Array.from({ length: options.clients }, () => etcdClient(options, clock)));
  return clock.result;
}

async function etcdClient({ port, pipeline, keyspace, valueBytes }: BatchOptions, clock: Clock): Promise<void> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  await once(session, 'connect');
  const value = Buffer.alloc(valueBytes, 'x');
  const put = (): Promise<void> => new Promise((resolve, reject) => {
    const call = session.request({ ':method': 'POST', ':path': '/etcdserverpb.KV/Put', 'content-type': 'application/grpc', te: 'trailers' });
    call.on('trailers', (trailers) => {
      if (String(trailers['grpc-status']) === '0') resolve();
      else reject(new Error(`etcd: ${String(trailers['grpc-message'])}`));
    });
    call.on('error', reject);
    call.resume();
    call.end(putRequest(Buffer.from(`key:${Math.floor(Math.random() * keyspace)}`), value));
  });
  for (let goesOn = true; goesOn;) {
    const sentMs = performance.now();
    await Promise.all(Array.from({ length: pipeline }, put));
    goesOn = clock.answered(sentMs);
  }
  session.destroy();
}

/** A gRPC message with a PutRequest: fields 1 (key) and 2 (value), both bytes. */
function putRequest(key: Buffer, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.of(0x0a, ...varint(key.length)), key, Buffer.of(0x12, ...varint(value.length)), value]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

function varint(n: number): number[] {
  return n < 128 ? [n] : [n % 128 + 128, ...varint(Math.floor(n / 128))];
}
