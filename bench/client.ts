/** A small pipelining client: promises for what is looked at, counters for what is only driven. */
import { once } from 'node:events';
import net from 'node:net';
import { RespError, RespReader, type RespValue, toPlain } from '../src/protocol/resp-reader.ts';

/** A command in RESP. Arguments are latin1 strings or numbers. */
export function encode(...args: (string | number)[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    const word = String(arg);
    text += `$${word.length}\r\n${word}\r\n`;
  }
  return text;
}

export class BenchClient {
  readonly #socket: net.Socket;
  readonly #reader = new RespReader();
  readonly #waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.#reader.push(bytes);
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) this.#settle(reply);
    });
    const lost = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the server closed the connection'));
    };
    socket.on('error', lost);
    socket.on('close', lost);
  }

  static async connect(port: number): Promise<BenchClient> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new BenchClient(socket);
  }

  #settle(reply: RespValue): void {
    this.#waiting.shift()!.resolve(toPlain(reply));
  }

  /** The reply as a plain value; an error reply resolves as a RespError, since LOADING and the like are no accident here. */
  send(...args: (string | number)[]): Promise<unknown> {
    this.#socket.write(encode(...args), 'latin1');
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** The reply. @throws Error if it is an error. */
  async demand(...args: (string | number)[]): Promise<unknown> {
    const reply = await this.send(...args);
    if (reply instanceof RespError) throw new Error(`${args[0]}: ${reply.message}`);
    return reply;
  }

  /** Sends commands already encoded, `count` of them; resolves when the last has its reply. @throws Error at an error reply. */
  async batch(text: string, count: number): Promise<void> {
    const replies: Promise<unknown>[] = [];
    this.#socket.write(text, 'latin1');
    for (let i = 0; i < count; i++) replies.push(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })));
    for (const reply of await Promise.all(replies)) if (reply instanceof RespError) throw new Error(reply.message);
  }

  close(): void {
    this.#socket.destroy();
  }
}
