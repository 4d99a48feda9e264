/** A whole server in this process, on a log in memory that commits at once. */
import { Config } from '../../src/server/config/config.ts';
import { readArguments } from '../../src/server/config/config-file.ts';
import { Logger } from '../../src/server/logger.ts';
import { Server } from '../../src/server/server.ts';
import type { TransactionLog } from '../../src/txlog/transaction-log.ts';
import { TestClient } from '../support/holdfast-process.ts';

class InstantLog implements TransactionLog {
  readonly shardId = 'f'.repeat(40);
  readonly firstIndex = 1;
  lastIndex = 0;
  commitIndex = 0;
  readonly term = 1;
  readonly isLeader = true;
  readonly inFlightBytes = 0;
  readonly leaseValid = true;
  onCommit: (index: number) => void = () => undefined;
  onLeadership: () => void = () => undefined;
  onFatal: (error: Error) => void = () => undefined;

  lead(): Promise<number> {
    return Promise.resolve(0);
  }

  canAppend(): boolean {
    return true;
  }

  checksumAt(): Promise<number> {
    return Promise.resolve(0);
  }

  bytesSince(): number {
    return 0;
  }

  append(): number {
    return ++this.lastIndex;
  }

  flush(): void {
    if (this.commitIndex === this.lastIndex) return;
    this.commitIndex = this.lastIndex;
    this.onCommit(this.commitIndex);
  }

  // eslint-disable-next-line require-yield
  async *read(): AsyncGenerator<never> {
    return;
  }

  trim(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class ServerRig {
  readonly server: Server;
  readonly #clients: TestClient[] = [];

  private constructor(server: Server) {
    this.server = server;
  }

  /** @param args redis-server's arguments */
  static async start(...args: string[]): Promise<ServerRig> {
    const given = readArguments([...args, '--port', '0', '--bind', '127.0.0.1']);
    const config = Config.from(given.directives, given.file);
    const server = new Server(config, new Logger('nothing', ''), new InstantLog(), 'a'.repeat(40));
    await server.listen();
    server.serve();
    return new ServerRig(server);
  }

  async connect(): Promise<TestClient> {
    const client = await TestClient.connect(this.server.port);
    this.#clients.push(client);
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
