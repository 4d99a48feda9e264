/** A whole server in this process whose log commits only when the test says so. */
import { expect } from 'vitest';
import { Config } from '../../src/server/config/config.ts';
import { Logger } from '../../src/server/logger.ts';
import { Server } from '../../src/server/server.ts';
import { TestClient } from '../support/holdfast-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';

export class HeldServer {
  readonly log: ScriptedLog;
  readonly server: Server;
  readonly #clients: TestClient[] = [];

  private constructor(log: ScriptedLog, server: Server) {
    this.log = log;
    this.server = server;
  }

  static async start(...directives: [string, string][]): Promise<HeldServer> {
    const log = new ScriptedLog('held');
    const given = [['port', '0'], ['bind', '127.0.0.1'], ...directives].map(([name, value]) => ({ name: name!, values: [value!], line: 0, text: '' }));
    const server = new Server(Config.from(given), new Logger('nothing', ''), log, 'a'.repeat(40), () => Promise.resolve(0));
    await server.listeners.listen();
    await server.start();
    return new HeldServer(log, server);
  }

  async connect(): Promise<TestClient> {
    const client = await TestClient.connect(this.server.port);
    this.#clients.push(client);
    return client;
  }

  /** Whether a reply has come, once everything that was sent before on any connection has surely been worked off. */
  async settled(reply: Promise<string>): Promise<boolean> {
    let came = false;
    void reply.then(() => { came = true; }, () => undefined);
    const witness = await this.connect();
    // PING touches no key: its reply shows that the server has read what was sent earlier, and more than once.
    for (let i = 0; i < 3; i++) expect(await witness.send('PING')).toBe('+PONG');
    await new Promise((resolve) => { setImmediate(resolve); });
    return came;
  }

  /** Runs commands on a connection of their own and commits them. */
  async given(...commands: string[][]): Promise<void> {
    const client = await this.connect();
    for (const command of commands) {
      const reply = client.send(...command);
      while (!(await this.settled(reply))) this.log.commit();
      expect(await reply).not.toMatch(/^-/);
    }
  }

  async stop(): Promise<void> {
    this.log.commit();
    for (const client of this.#clients) client.close();
    await this.server.stop();
  }
}
