/** Drives commands whose reply is "+OK" as fast as the server takes them, or at a given rate, without a promise for each. */
import { once } from 'node:events';
import net from 'node:net';

const OK = Buffer.from('+OK\r\n');
const WINDOW = 20_000;
const BATCH = 500;
const TICK_MS = 5;

export class Loader {
  readonly #socket: net.Socket;
  #sent = 0;
  #receivedBytes = 0;
  #error: Error | null = null;
  #wake: () => void = () => undefined;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#receive(bytes));
    const lost = (): void => {
      this.#error ??= new Error('the server closed the connection');
      this.#wake();
    };
    socket.on('error', lost);
    socket.on('close', lost);
  }

  static async connect(port: number): Promise<Loader> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Loader(socket);
  }

  #receive(bytes: Buffer): void {
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === OK[(this.#receivedBytes + i) % OK.length]) continue;
      this.#error ??= new Error(`not an OK: ${bytes.toString('latin1', i, i + 200)}`);
      break;
    }
    this.#receivedBytes += bytes.length;
    this.#wake();
  }

  get #acknowledged(): number {
    return Math.floor(this.#receivedBytes / OK.length);
  }

  /** @throws Error if the server answered otherwise or closed the connection. */
  async #until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (this.#error !== null) throw this.#error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#error !== null) throw this.#error;
  }

  /** Sends `count` commands that `command` makes in RESP; resolves when all are acknowledged. */
  async load(count: number, command: (n: number) => string): Promise<void> {
    for (let n = 0; n < count; n += BATCH) {
      await this.#until(() => this.#sent - this.#acknowledged < WINDOW);
      let text = '';
      for (let i = n; i < Math.min(count, n + BATCH); i++) text += command(i);
      this.#sent += Math.min(BATCH, count - n);
      this.#socket.write(text, 'latin1');
    }
    await this.#until(() => this.#acknowledged === this.#sent);
  }

  /** Sends commands at `perSecond` for `seconds`; returns how many were sent. What the server does not take in time is not made up for. */
  async paced(perSecond: number, seconds: number, command: () => string): Promise<number> {
    const startedMs = performance.now();
    let sent = 0;
    for (;;) {
      const elapsedMs = performance.now() - startedMs;
      if (elapsedMs >= seconds * 1000) break;
      const due = Math.min(Math.floor(elapsedMs * perSecond / 1000) - sent, WINDOW - (this.#sent - this.#acknowledged));
      if (due > 0) {
        let text = '';
        for (let i = 0; i < due; i++) text += command();
        this.#sent += due;
        sent += due;
        this.#socket.write(text, 'latin1');
      }
      if (this.#error !== null) throw this.#error;
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await this.#until(() => this.#acknowledged === this.#sent);
    return sent;
  }

  close(): void {
    this.#socket.destroy();
  }
}
