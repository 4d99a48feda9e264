/** A real redis-server as a child process on a loopback port, without persistence: the oracle of replies. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';

export const redisServerMissing = spawnSync('redis-server', ['--version']).error !== undefined;

export class RedisProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #dir: string;

  private constructor(port: number, child: ChildProcess, dir: string) {
    this.port = port;
    this.#child = child;
    this.#dir = dir;
  }

  static async start(...options: string[]): Promise<RedisProcess> {
    const port = (await freePorts(1))[0]!;
    const dir = mkdtempSync(join(tmpdir(), 'redis-'));
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir, ...options];
    // SORT ALPHA follows the locale.
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LC_ALL: 'C' } });
    await new Promise<void>((resolve, reject) => {
      let log = '';
      child.stdout.on('data', (bytes: Buffer) => {
        log += bytes.toString('latin1');
        if (/ready to accept/i.test(log)) resolve();
      });
      child.once('exit', () => reject(new Error(`redis-server ended:\n${log}`)));
    });
    return new RedisProcess(port, child, dir);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
