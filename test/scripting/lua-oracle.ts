/** A real redis-server that runs scripts: what Lua does. */
import { once } from 'node:events';
import net from 'node:net';
import { RespError, RespReader } from '../../src/protocol/resp-reader.ts';
import { RedisProcess } from '../support/redis-process.ts';

const BATCH = 200;

export class LuaOracle {
  readonly #server: RedisProcess;
  readonly #socket: net.Socket;
  readonly #reader = new RespReader();

  private constructor(server: RedisProcess, socket: net.Socket) {
    this.#server = server;
    this.#socket = socket;
  }

  static async start(): Promise<LuaOracle> {
    const server = await RedisProcess.start();
    const socket = net.connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    return new LuaOracle(server, socket);
  }

  /** What each script returns, which has to be a string, or its error. Scripts are latin1. */
  async run(scripts: readonly string[]): Promise<string[]> {
    return (await this.#exchange(scripts.map((script) => ['EVAL', script, '0']))).map(String);
  }

  /** It keeps every script else. */
  async forget(): Promise<void> {
    await this.#exchange([['SCRIPT', 'FLUSH']]);
  }

  async #exchange(commands: readonly string[][]): Promise<unknown[]> {
    const replies: unknown[] = [];
    for (let from = 0; from < commands.length; from += BATCH) {
      const batch = commands.slice(from, from + BATCH);
      const text = batch.map((words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
      this.#socket.write(text.join(''), 'latin1');
      while (replies.length < from + batch.length) {
        const reply = this.#reader.next();
        if (reply === undefined) {
          const [bytes] = (await once(this.#socket, 'data')) as [Buffer];
          this.#reader.push(bytes);
        } else replies.push(reply instanceof RespError ? reply.message : reply);
      }
    }
    return replies;
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#server.stop();
  }
}
