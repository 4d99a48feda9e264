/** A Holdfast server as a child process, and a small pipelining client for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './free-ports.ts';

const EXECUTABLE = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
const READY = /Ready to accept connections tcp, port (\d+)/;

export class HoldfastProcess {
  readonly dir: string;
  port = 0;
  output = '';
  /** How many files a process that is started from now on may have open; 0: as many as this one. */
  openFilesMax = 0;
  #child: ChildProcess | null = null;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** A server with an empty data directory and a port of its own, not running yet. */
  static async prepare(port: number): Promise<HoldfastProcess> {
    const server = new HoldfastProcess(await mkdtemp(join(tmpdir(), 'holdfast-')));
    server.port = port;
    return server;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Sends a signal that does not end the process (SIGSTOP, SIGCONT). */
  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal);
  }

  /** A server with an empty data directory, running. */
  static async start(...args: string[]): Promise<HoldfastProcess> {
    const server = await HoldfastProcess.prepare((await freePorts(1))[0]!);
    await server.restart(...args);
    return server;
  }

  /** Starts the process (again) on the same data; resolves when it is ready. */
  async restart(...args: string[]): Promise<void> {
    this.output = '';
    const limited = this.openFilesMax === 0 ? '' : `ulimit -n ${this.openFilesMax} && `;
    const given = ['server', '--port', String(this.port), '--dir', this.dir, '--enable-debug-command', 'yes', ...args];
    const child = spawn('sh', ['-c', `${limited}exec "$0" "$@"`, EXECUTABLE, ...given]);
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const read = (bytes: Buffer): void => {
        this.output += bytes.toString();
        const ready = READY.exec(this.output);
        if (ready === null) return;
        this.port = Number(ready[1]);
        resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => { reject(new Error(`the server ended with ${code}:\n${this.output}`)); });
    });
  }

  /** Ends the process by a signal and waits for its end; returns its exit code. */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!;
    this.#child = null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    return ((await ended) as [number | null])[0];
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Resolves with the exit code when the process ends by itself. */
  async ended(): Promise<number | null> {
    return ((await once(this.#child!, 'exit')) as [number | null])[0];
  }

  /** Deletes all data; the process must have ended. */
  async wipe(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    if (this.#child !== null) await this.kill('SIGKILL');
    await rm(this.dir, { recursive: true, force: true });
  }

  connect(): Promise<TestClient> {
    return TestClient.connect(this.port);
  }
}

/** Replies as RESP2 text lines: enough for tests that send simple commands. */
export class TestClient {
  readonly socket: net.Socket;
  /** Resolvers of replies that have not come. */
  readonly #waiting: { resolve: (reply: string) => void; reject: (error: Error) => void }[] = [];
  #text = '';

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#text += bytes.toString('latin1');
      this.#read();
    });
    const lost = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection is closed'));
    };
    socket.on('error', lost);
    socket.on('close', lost);
  }

  static async connect(port: number): Promise<TestClient> {
    const socket = net.connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    await once(socket, 'connect');
    return new TestClient(socket);
  }

  /** A client on a connection that is there already. */
  static on(socket: net.Socket): TestClient {
    return new TestClient(socket);
  }

  /** Replies that have not come yet. */
  get outstanding(): number {
    return this.#waiting.length;
  }

  /** Sends a command; resolves with its reply's text: a bulk without its header, an aggregate as it came. */
  send(...args: (string | number)[]): Promise<string> {
    const words = args.map(String);
    this.socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word, 'latin1')}\r\n${word}\r\n`).join('')}`, 'latin1');
    return this.nextReply();
  }

  /** Sends an inline command. */
  line(text: string): Promise<string> {
    this.socket.write(`${text}\r\n`, 'latin1');
    return this.nextReply();
  }

  /** The reply to what was, or will be, written to the socket behind what was sent before. */
  nextReply(): Promise<string> {
    return new Promise((resolve, reject) => { this.#waiting.push({ resolve, reject }); });
  }

  #read(): void {
    for (;;) {
      const end = replyEnd(this.#text, 0);
      if (end < 0) return;
      const reply = this.#text.slice(0, end);
      this.#text = this.#text.slice(end);
      const line = reply.indexOf('\r\n');
      const { resolve } = this.#waiting.shift()!;
      resolve(reply.startsWith('$') && !reply.startsWith('$-') ? reply.slice(line + 2, -2) : reply.replace(/\r\n$/, ''));
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The elements of a reply that is one flat array, as `send` returned it: strings without headers, a null as ''. */
export function arrayOf(reply: string): string[] {
  const out: string[] = [];
  for (let at = reply.indexOf('\r\n') + 2; at > 1 && at < reply.length;) {
    const end = reply.indexOf('\r\n', at);
    const length = reply[at] === '$' ? Number(reply.slice(at + 1, end)) : -1;
    out.push(length < 0 ? '' : reply.slice(end + 2, end + 2 + length));
    at = length < 0 ? end + 2 : end + 4 + length;
  }
  return out;
}

/** Offset behind the reply that begins at `at`, or -1 while it is incomplete. */
function replyEnd(text: string, at: number): number {
  const line = text.indexOf('\r\n', at);
  if (line < 0) return -1;
  const length = Number(text.slice(at + 1, line));
  if (text[at] === '$') return length < 0 ? line + 2 : line + 4 + length <= text.length ? line + 4 + length : -1;
  if (text[at] !== '*') return line + 2;
  let end = line + 2;
  for (let n = 0; n < length && end >= 0; n++) end = replyEnd(text, end);
  return end;
}
