/** A real redis-server on a unix socket, for tests that compare with it. Tests skip themselves where there is none. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RespReader, type RespValue } from '../../src/protocol/resp-reader.ts';

export const redisServerMissing = spawnSync('redis-server', ['--version']).error !== undefined;

export class RealRedis {
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #socketPath: string;

  private constructor(child: ChildProcess, dir: string, socketPath: string) {
    this.#child = child;
    this.#dir = dir;
    this.#socketPath = socketPath;
  }

  static async start(...options: string[]): Promise<RealRedis> {
    const dir = mkdtempSync(join(tmpdir(), 'real-redis-'));
    const path = join(dir, 'socket');
    const args = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', dir, ...options];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      let log = '';
      child.stdout!.on('data', (chunk: Buffer) => {
        log += chunk.toString('latin1');
        if (/ready to accept|now ready/i.test(log)) resolve();
      });
      child.once('exit', () => reject(new Error(`redis-server ended:\n${log}`)));
    });
    return new RealRedis(child, dir, path);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /**
   * Sends bytes, then the end of the stream, and returns all that came back. Replies must be few: at the end of the
   * stream redis-server drops what the socket has not taken.
   */
  async exchange(input: Uint8Array): Promise<Buffer> {
    const socket = net.connect({ path: this.#socketPath, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that closes on a protocol error may reset what is still being sent.
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.once('end', () => socket.end());
    socket.end(input);
    await closed;
    return Buffer.concat(chunks);
  }

  /** Replies to commands given as arrays of latin1 strings, sent as one pipeline. */
  async run(commands: string[][]): Promise<RespValue[]> {
    const socket = net.connect({ path: this.#socketPath });
    const reader = new RespReader();
    const replies: RespValue[] = [];
    const closed = new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => resolve());
    });
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      for (let reply = reader.next(); reply !== undefined; reply = reader.next()) replies.push(reply);
      if (replies.length >= commands.length) socket.destroy();
    });
    socket.write(Buffer.from(commands.map((command) => encodeCommand(...command)).join(''), 'latin1'));
    await closed;
    if (replies.length !== commands.length) throw new Error(`${replies.length} replies to ${commands.length} commands`);
    return replies;
  }
}

/** A command as RESP, in a latin1 string. */
export function encodeCommand(...args: string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}
