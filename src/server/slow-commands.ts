/** Commands that took long: SLOWLOG's entries, and the samples of LATENCY. */
import { type Command, Flag } from '../engine/command.ts';
import { latin1Slice, type Request } from '../shared/request.ts';
import type { Config } from './config/config.ts';

/** What SLOWLOG keeps of a command. */
const ARGS_MAX = 32;
const ARG_BYTES_MAX = 128;
const LATENCY_SAMPLES_MAX = 160;

export interface SlowEntry {
  readonly id: number;
  readonly atSeconds: number;
  readonly microseconds: number;
  /** Cut, with words that say how much is missing. */
  readonly args: readonly string[];
  readonly address: string;
  readonly clientName: string;
}

export interface LatencySample {
  readonly atSeconds: number;
  ms: number;
}

export interface LatencyEvent {
  readonly samples: LatencySample[];
  maxMs: number;
}

/** What is noted of the client. */
export interface SlowClient {
  readonly address: string;
  readonly name: string;
}

export class SlowCommands {
  /** Newest first. */
  readonly log: SlowEntry[] = [];
  readonly events = new Map<string, LatencyEvent>();
  #nextId = 0;
  #logUs = Infinity;
  #logMax = 0;
  #latencyMs = Infinity;

  /** @returns the least duration, in microseconds, of commands that `add` wants to hear of. */
  configure(config: Config): number {
    const logUs = config.number('slowlog-log-slower-than');
    this.#logUs = logUs < 0 ? Infinity : logUs;
    this.#logMax = config.number('slowlog-max-len');
    const latencyMs = config.number('latency-monitor-threshold');
    this.#latencyMs = latencyMs === 0 ? Infinity : latencyMs;
    this.#trim();
    return Math.min(this.#logUs, this.#latencyMs * 1000);
  }

  add(command: Command, request: Request, client: SlowClient, microseconds: number, nowMs: number): void {
    const atSeconds = Math.floor(nowMs / 1000);
    if (microseconds >= this.#logUs && (command.flags & Flag.skipSlowlog) === 0) {
      const { address, name } = client;
      this.log.unshift({ id: this.#nextId++, atSeconds, microseconds: Math.floor(microseconds), args: argsOf(command, request), address, clientName: name });
      this.#trim();
    }
    const ms = Math.floor(microseconds / 1000);
    if (ms >= this.#latencyMs) this.#sample((command.flags & Flag.fast) === 0 ? 'command' : 'fast-command', ms, atSeconds);
  }

  #sample(name: string, ms: number, atSeconds: number): void {
    let event = this.events.get(name);
    if (event === undefined) this.events.set(name, event = { samples: [], maxMs: 0 });
    event.maxMs = Math.max(event.maxMs, ms);
    const last = event.samples[event.samples.length - 1];
    // One sample a second: the worst.
    if (last !== undefined && last.atSeconds === atSeconds) last.ms = Math.max(last.ms, ms);
    else event.samples.push({ atSeconds, ms });
    if (event.samples.length > LATENCY_SAMPLES_MAX) event.samples.shift();
  }

  #trim(): void {
    if (this.log.length > this.#logMax) this.log.length = this.#logMax;
  }
}

/** Parameters whose values are secrets. */
const SECRETS = /^(requirepass|cluster-secret|masterauth|masteruser|tls-key-file-pass|tls-client-key-file-pass)$/i;

function argsOf(command: Command, request: Request): string[] {
  const out: string[] = [];
  const shown = request.argc > ARGS_MAX ? ARGS_MAX - 1 : request.argc;
  const secret = command.name === 'auth' || command.name === 'hello';
  for (let i = 0; i < shown; i++) {
    const from = request.off[i]!;
    const length = request.len[i]!;
    const text = latin1Slice(request.buf, from, from + Math.min(length, ARG_BYTES_MAX));
    if ((secret && i > 0) || (command.name === 'config|set' && i > 2 && SECRETS.test(out[i - 1]!))) out.push('(redacted)');
    else if (length > ARG_BYTES_MAX) out.push(`${text}... (${length - ARG_BYTES_MAX} more bytes)`);
    else out.push(text);
  }
  if (shown < request.argc) out.push(`... (${request.argc - shown} more arguments)`);
  return out;
}
