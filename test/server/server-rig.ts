/** A whole server in this process, on a log in memory that commits at once. */
import { Config } from '../../src/server/config/config.ts';
import { readArguments } from '../../src/server/config/config-file.ts';
import { Logger } from '../../src/server/logger.ts';
import { Server } from '../../src/server/server.ts';
import { TestClient } from '../support/holdfast-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';

export class ServerRig {
  readonly server: Server;
  /** Those that are connected. */
  readonly #clients = new Set<TestClient>();

  private constructor(server: Server) {
    this.server = server;
  }

  /** @param args redis-server's arguments */
  static start(...args: string[]): Promise<ServerRig> {
    return ServerRig.on(new ScriptedLog('at once'), ...args);
  }

  /** As `start`, on a log of the test's own. */
  static async on(log: ScriptedLog, ...args: string[]): Promise<ServerRig> {
    const given = readArguments([...args, '--port', '0', '--bind', '127.0.0.1']);
    const config = Config.from(given.directives, given.file);
    const server = new Server(config, new Logger('nothing', ''), log, 'a'.repeat(40), () => Promise.resolve(0));
    await server.listeners.listen();
    await server.start();
    return new ServerRig(server);
  }

  async connect(): Promise<TestClient> {
    const client = await TestClient.connect(this.server.port);
    this.#clients.add(client);
    client.socket.once('close', () => this.#clients.delete(client));
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.server.stop();
  }
}

/** A reply's text as lines: the strings of an aggregate, without headers. */
export function stringsOf(reply: string): string[] {
  const out: string[] = [];
  for (let at = 0; at < reply.length;) {
    const end = reply.indexOf('\r\n', at);
    const line = reply.slice(at, end < 0 ? reply.length : end);
    at = end < 0 ? reply.length : end + 2;
    if (line.startsWith('$') && line !== '$-1') {
      const length = Number(line.slice(1));
      out.push(reply.slice(at, at + length));
      at += length + 2;
    } else if (!/^[*%~]/.test(line)) out.push(line.replace(/^[+:]/, ''));
  }
  return out;
}
