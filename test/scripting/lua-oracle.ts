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

  /** What each script returns, which has to be a string, or its error behind "ERR ". Scripts are latin1. */
  async run(scripts: readonly string[]): Promise<string[]> {
    const outcomes: string[] = [];
    for (let from = 0; from < scripts.length; from += BATCH) {
      const batch = scripts.slice(from, from + BATCH);
      this.#socket.write(batch.map((script) => `*3\r\n$4\r\nEVAL\r\n$${script.length}\r\n${script}\r\n$1\r\n0\r\n`).join(''), 'latin1');
      while (outcomes.length < from + batch.length) {
        const reply = this.#reader.next();
        if (reply === undefined) {
          const [bytes] = (await once(this.#socket, 'data')) as [Buffer];
          this.#reader.push(bytes);
        } else if (reply instanceof RespError) outcomes.push(reply.message);
        else outcomes.push(String(reply));
      }
    }
    return outcomes;
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#server.stop();
  }
}
