/** A client that keeps replies and messages apart: those of RESP3, and those of a RESP2 connection that only listens. */
import { once } from 'node:events';
import net from 'node:net';
import { RespPush, RespReader, type RespValue, toPlain } from '../../src/protocol/resp-reader.ts';

const MESSAGES = new Set(['message', 'pmessage', 'smessage']);

export class PushClient {
  readonly socket: net.Socket;
  /** Messages so far, as plain values; a test takes out what it has seen. */
  readonly messages: unknown[] = [];
  /** Replies and messages in the order in which they came, as plain values. */
  readonly order: unknown[] = [];
  /** Called with each message when it is read. */
  onMessage: (message: unknown[]) => void = () => undefined;
  readonly #reader = new RespReader();
  readonly #waiting: { readonly resolve: (reply: RespValue) => void; readonly reject: (error: Error) => void }[] = [];

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#reader.push(bytes);
      for (let value = this.#reader.next(); value !== undefined; value = this.#reader.next()) this.#take(value);
    });
    const lost = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection is closed'));
    };
    socket.on('error', lost);
    socket.on('close', lost);
  }

  static async connect(port: number): Promise<PushClient> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return new PushClient(socket);
  }

  #take(value: RespValue): void {
    const isPush = value instanceof RespPush;
    this.order.push(toPlain(value));
    const items = isPush ? value.items : value;
    if (isPush || (Array.isArray(items) && MESSAGES.has(String(items[0])))) {
      const message = toPlain(isPush ? value.items : value) as unknown[];
      // Confirmations answer commands, in whatever form.
      if (!/subscribe$/.test(String(message[0]))) {
        this.messages.push(message);
        this.onMessage(message);
        return;
      }
    }
    this.#waiting.shift()!.resolve(value);
  }

  /** Sends a command; resolves with its reply. */
  send(...args: (string | number)[]): Promise<RespValue> {
    if (this.socket.destroyed) return Promise.reject(new Error('the connection is closed'));
    const words = args.map(String);
    this.socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`, 'latin1');
    return new Promise((resolve, reject) => { this.#waiting.push({ resolve, reject }); });
  }

  /** As `send`, words separated by spaces, with the reply as a plain value. */
  async line(text: string): Promise<unknown> {
    return toPlain(await this.send(...text.split(' ')));
  }

  /** The messages so far, which are forgotten, once everything that the server has written before is read. */
  async told(): Promise<unknown[]> {
    await this.send('PING');
    return this.messages.splice(0);
  }

  close(): void {
    this.socket.destroy();
  }
}
