/** MONITOR: what is shown, in what form, and when. */
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ServerRig } from './server-rig.ts';

const LINE = /^\+\d+\.\d{6} \[(\d+) (\S+)\] (.*)$/;

/** A client in MONITOR: the lines that came, without their times and addresses: "db source command". */
class MonitorClient {
  readonly lines: string[] = [];
  readonly client: TestClient;
  #text = '';

  private constructor(client: TestClient) {
    this.client = client;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (bytes) => {
      this.#text += bytes.toString('latin1');
      const lines = this.#text.split('\r\n');
      this.#text = lines.pop()!;
      for (const line of lines) this.lines.push(line.replace(LINE, (_all, db: string, source: string, words: string) => `${db} ${source.replace(/:\d+$/, '')} ${words}`));
    });
  }

  static async open(port: number): Promise<MonitorClient> {
    const monitor = new MonitorClient(await TestClient.connect(port));
    monitor.client.socket.write('MONITOR\r\n');
    await monitor.until('+OK');
    return monitor;
  }

  /** Everything that came through the first line that ends with `end`; forgets it. */
  async until(end: string): Promise<string[]> {
    let at = -1;
    while ((at = this.lines.findIndex((line) => line.endsWith(end))) < 0) await once(this.client.socket, 'data');
    return this.lines.splice(0, at + 1);
  }
}

const SCRIPT = "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[1])";
const COMMANDS: readonly (readonly string[])[] = [
  ['PING'], ['SET', 'k', 'a "quoted" \\ word'], ['set', 'k', '\x00\x07\b\t\r\n\x7f\xff'], ['GET', 'k'], ['SELECT', '3'], ['INCR', 'k'], ['SELECT', '0'],
  ['MULTI'], ['SET', 'k', '1'], ['INCR', 'k'], ['EXEC'], ['WATCH', 'k'], ['MULTI'], ['NOSUCH'], ['EXEC'], ['LPUSH', 'k', 'wrong type'], ['GET'], ['NOSUCH'],
  ['CONFIG', 'GET', 'port'], ['CLIENT', 'LIST'], ['DEBUG', 'SLEEP', '0'], ['CLIENT', 'SETNAME', 'me'], ['AUTH', 'secret'], ['AUTH', 'default', 'secret'],
  ['HELLO', '2', 'AUTH', 'default', 'secret', 'SETNAME', 'me'], ['HELLO', '2'],
  ['EVAL', SCRIPT, '1', 'k', 'v'], ['EVALSHA', 'ffffffffffffffffffffffffffffffffffffffff', '0'], ['BLPOP', 'none', '0.001'], ['PUBLISH', 'c', 'm'], ['INFO', 'server'],
  ['GETEX', 'k', 'EX', '100'], ['SPOP', 'none'], ['COMMAND', 'COUNT'], ['SLOWLOG', 'LEN'], ['RESET'], ['ECHO', 'end'],
];

let rig: ServerRig;
let log: ScriptedLog;
afterEach(() => rig.stop());

async function begin(commits: 'at once' | 'held', ...args: string[]): Promise<void> {
  log = new ScriptedLog(commits);
  rig = await ServerRig.on(log, ...args);
}

describe('what is shown', () => {
  test.skipIf(redisServerMissing)('is what redis-server shows, line for line', async () => {
    await begin('at once', '--enable-debug-command', 'yes');
    const redis = await RedisProcess.start('--enable-debug-command', 'yes');
    const shown: string[][] = [];
    for (const port of [redis.port, rig.server.port]) {
      const monitor = await MonitorClient.open(port);
      const client = await TestClient.connect(port);
      for (const command of COMMANDS) await client.send(...command);
      shown.push(await monitor.until('"ECHO" "end"'));
      monitor.client.close();
      client.close();
    }
    await redis.stop();
    expect(shown[1]).toEqual(shown[0]);
    expect(shown[1]).toContain('0 lua "SET" "k" "v"');
  });

  test('a monitor may not touch the data, and RESET makes it a client like others', async () => {
    await begin('at once');
    const monitor = await MonitorClient.open(rig.server.port);
    monitor.client.socket.write('GET k\r\nPING\r\n');
    expect(await monitor.until('+PONG')).toEqual(["-ERR Replica can't interact with the keyspace", '+PONG']);
    await monitor.until('"PING"');
    const client = await rig.connect();
    expect(await client.send('CLIENT', 'LIST')).toMatch(/flags=O /);
    expect(await client.send('SET', 'k', 'v')).toBe('+OK');
    await monitor.until('"SET" "k" "v"');
    monitor.client.socket.write('RESET\r\n');
    await monitor.until('+RESET');
    expect(await client.send('SET', 'k', 'w')).toBe('+OK');
    monitor.client.socket.write('GET k\r\n');
    expect(await monitor.until('w')).toEqual(['$1', 'w']);
    expect(await client.send('CLIENT', 'LIST')).not.toMatch(/flags=O /);
  });

  test('in a transaction there is no MONITOR', async () => {
    await begin('at once');
    const client = await rig.connect();
    await client.send('MULTI');
    await client.send('MONITOR');
    expect(await client.send('EXEC')).toBe("*1\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client");
  });

  test('in RESP3 a line is the same', async () => {
    await begin('at once');
    const monitor = await MonitorClient.open(rig.server.port);
    monitor.client.socket.write('HELLO 3\r\n');
    await monitor.until('"HELLO" "3"');
    await (await rig.connect()).send('PING');
    expect(await monitor.until('"PING"')).toEqual(['0 127.0.0.1 "PING"']);
  });
});

describe('when it is shown', () => {
  test('a write is not shown before it is committed, and what follows not before it', async () => {
    await begin('held');
    const monitor = await MonitorClient.open(rig.server.port);
    const client = await rig.connect();
    const written = client.send('SET', 'k', 'v');
    await log.appended(1);
    const other = await rig.connect();
    for (let n = 0; n < 3; n++) await other.send('PING');
    expect(monitor.lines).toEqual([]);
    log.commit();
    await written;
    expect(await monitor.until('"PING"')).toEqual(['0 127.0.0.1 "SET" "k" "v"', '0 127.0.0.1 "PING"']);
  });

  test('a monitor that does not read is let go of at its output limit, and nobody else notices', async () => {
    await begin('at once', '--client-output-buffer-limit', 'normal 2mb 0 0');
    const monitor = await MonitorClient.open(rig.server.port);
    monitor.client.socket.pause();
    const closed = once(monitor.client.socket, 'close');
    const client = await rig.connect();
    const value = 'x'.repeat(100_000);
    // The kernel's buffers take some of it.
    for (let n = 0; n < 400 && rig.server.connections.size > 1; n++) expect(await client.send('SET', 'k', value)).toBe('+OK');
    expect(rig.server.connections.size).toBe(1);
    expect(rig.server.outputLimitDisconnections).toBe(1);
    monitor.client.socket.resume();
    await closed;
  });
});
