/** Runs of redis-benchmark and what they report. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Measurement {
  /** Requests a second. */
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  readonly port: number;
  readonly clients: number;
  readonly pipeline: number;
  readonly requests: number;
  readonly keyspace: number;
  readonly command: readonly string[];
}

/** Thrown when the server answers a command with an error. */
export class RefusedError extends Error {}

function argumentsOf(load: Load): string[] {
  // Whole pipelines: past its last request redis-benchmark may take the end of its clients for a failure.
  const requests = Math.ceil(load.requests / load.pipeline) * load.pipeline;
  return [
    '-p', String(load.port), '-c', String(load.clients), '-P', String(load.pipeline), '-n', String(requests), '-r', String(load.keyspace),
    '--csv', '--precision', '3', ...load.command,
  ];
}

/** Load that goes on until it is stopped, or until its requests are used up. */
export class BackgroundLoad {
  readonly #child: ChildProcess;
  readonly #killWithUs = (): void => void this.#child.kill('SIGKILL');

  constructor(load: Load) {
    this.#child = spawn('redis-benchmark', argumentsOf(load), { stdio: 'ignore' });
    process.on('exit', this.#killWithUs);
  }

  /** @throws Error if it had ended by itself: what was measured meanwhile was not under load. */
  async stop(): Promise<void> {
    process.off('exit', this.#killWithUs);
    if (this.#child.exitCode !== null) throw new Error(`the background load ended too early, with ${this.#child.exitCode}`);
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** @throws RefusedError if the server refuses the command; Error if redis-benchmark fails for another reason. */
export async function redisBenchmark(load: Load): Promise<Measurement> {
  const child = spawn('redis-benchmark', argumentsOf(load), { stdio: ['ignore', 'pipe', 'pipe'] });
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.on('exit', killWithUs);
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('exit', killWithUs);
  const refused = /^Error from server: (.*)$/m.exec(output);
  if (refused !== null) throw new RefusedError(refused[1]);
  // "test","rps","avg","min","p50","p95","p99","max"; the test's name, which is the whole command, may hold anything.
  // A run that took no measurable time has "inf" requests a second.
  const figures = /"((?:inf|[\d.]+)(?:","[\d.]+){6})"\s*$/.exec(output)?.[1]!.split('","').map((figure) => (figure === 'inf' ? Infinity : Number(figure)));
  if (code !== 0 || figures === undefined) throw new Error(`redis-benchmark ended with ${code}:\n${output}`);
  return { rps: figures[0]!, p50Ms: figures[3]!, p99Ms: figures[5]! };
}
