/**
 * The servers that are measured: child processes on loopback ports of their own, with their data in temporary directories. It owns
 * their lives: whatever was started here is ended here, also on Ctrl-C, and nothing else ever is.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchClient } from './client.ts';
import { HOLDFAST, PACKAGE_JSON } from './paths.ts';

export type ServerKind = 'holdfast' | 'redis-aof' | 'redis-memory';

const READY = /ready to accept connections/i;
const EXIT_GRACE_MS = 10_000;

/** The variables with which `npm start` runs the server: it is measured as users have it. */
const START_ENVIRONMENT = variablesBefore('exec', (JSON.parse(readFileSync(PACKAGE_JSON, 'utf8')) as { scripts: { start: string } }).scripts.start);

function variablesBefore(word: string, command: string): Record<string, string> {
  const words = command.split(' ');
  return Object.fromEntries(words.slice(0, words.indexOf(word)).map((variable) => variable.split(/=(.*)/s, 2)));
}

const running = new Set<BenchServer>();
const directories = new Set<string>();

/** A directory that is removed when the benchmark ends. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  directories.add(dir);
  return dir;
}

function endEverything(): void {
  for (const server of running) server.killNow();
  for (const dir of directories) rmSync(dir, { recursive: true, force: true });
}

process.on('exit', endEverything);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

/** Which of the wanted kinds can be started on this machine. */
export function installedKinds(wanted: readonly ServerKind[]): ServerKind[] {
  const redis = spawnSync('redis-server', ['--version']).error === undefined;
  return wanted.filter((kind) => kind === 'holdfast' || redis);
}

/** First line of `--version` of what is measured, for the report. */
export function versionOf(kind: ServerKind): string {
  const [program, flag] = kind === 'holdfast' ? [HOLDFAST, '--version'] : ['redis-server', '--version'];
  return spawnSync(program!, [flag!], { encoding: 'utf8' }).stdout.split('\n')[0]!;
}

export async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

export class BenchServer {
  readonly kind: ServerKind;
  readonly dir: string;
  readonly port: number;
  readonly #environment: Record<string, string>;
  readonly #options: readonly string[];
  #child: ChildProcess | null = null;

  private constructor(kind: ServerKind, port: number, environment: Record<string, string>, options: readonly string[]) {
    this.kind = kind;
    this.dir = temporaryDirectory();
    this.port = port;
    this.#environment = environment;
    this.#options = options;
  }

  /** A running server without data. `environment` is added to this process's; `options` to the server's arguments. */
  static async start(kind: ServerKind, environment: Record<string, string> = {}, options: readonly string[] = []): Promise<BenchServer> {
    const server = new BenchServer(kind, await freePort(), environment, options);
    await server.restart();
    return server;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Ends the process at once, as a crash does. */
  async crash(): Promise<void> {
    const child = this.#child!;
    this.#child = null;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    running.delete(this);
  }

  /** Deletes all data; the process must have ended. */
  wipe(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #command(): [string, string[]] {
    const common = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.dir, ...this.#options];
    if (this.kind === 'holdfast') return [HOLDFAST, ['server', ...common]];
    const persistence = this.kind === 'redis-aof' ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
    return ['redis-server', [...common, '--save', '', ...persistence]];
  }

  /** Starts the process on the data that there is; resolves with the milliseconds until it answered a PING. */
  async restart(): Promise<number> {
    const [program, args] = this.#command();
    const startedMs = performance.now();
    const child = spawn(program, args, { env: { ...process.env, ...(this.kind === 'holdfast' ? START_ENVIRONMENT : {}), ...this.#environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(this);
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const read = (bytes: Buffer): void => {
        if (output === READY.source) return;
        output += bytes.toString();
        if (!READY.test(output)) return;
        output = READY.source;
        resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${this.kind} ended with ${code}:\n${output}`)));
    });
    const client = await this.connect();
    // A redis-server that loads its file accepts connections first and answers LOADING.
    while (typeof (await client.send('PING')) !== 'string') await new Promise((resolve) => setTimeout(resolve, 2));
    client.close();
    return performance.now() - startedMs;
  }

  connect(): Promise<BenchClient> {
    return BenchClient.connect(this.port);
  }

  /** Fields of INFO. */
  async info(): Promise<Map<string, string>> {
    const client = await this.connect();
    const text = String(await client.send('INFO', 'everything'));
    client.close();
    return new Map(text.split('\r\n').filter((line) => line.includes(':')).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
  }

  /** Resident bytes of the process without pages of files, by the kernel's count. */
  rssBytes(): number {
    const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Number(line![1]) * 1024;
  }

  /** Ends the process in good order; kills it if that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_GRACE_MS);
      await ended;
      clearTimeout(timer);
    }
    running.delete(this);
  }

  /** Stops the process and removes its data. */
  async remove(): Promise<void> {
    await this.stop();
    // A snapshot's process may write its last file while its server ends.
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    directories.delete(this.dir);
  }

  /** For the last moment of this process: nothing can be awaited any more. */
  killNow(): void {
    this.#child?.kill('SIGKILL');
  }
}
