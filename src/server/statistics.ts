/**
 * Figures of the server that need a clock: rates, peaks; and what has to be looked at now and then for each connection:
 * idle clients, output limits. Costs commands nothing.
 */
import { type MemoryUse, memoryUse } from './memory-use.ts';
import type { Server } from './server.ts';

/** Redis averages over as many samples, one each 100 ms. */
const SAMPLES = 16;
const SAMPLE_MS = 100;
const CONNECTIONS_MS = 1000;

/** The rate of a counter that grows. */
class Rate {
  readonly #samples = new Float64Array(SAMPLES);
  #at = 0;
  #lastCount = 0;
  #lastMs = 0;

  sample(count: number, nowMs: number): void {
    const elapsed = nowMs - this.#lastMs;
    // A counter that was reset begins anew.
    if (this.#lastMs !== 0 && elapsed > 0) this.#samples[this.#at++ % SAMPLES] = (Math.max(0, count - this.#lastCount) * 1000) / elapsed;
    this.#lastCount = count;
    this.#lastMs = nowMs;
  }

  get perSecond(): number {
    let sum = 0;
    for (const sample of this.#samples) sum += sample;
    return sum / SAMPLES;
  }
}

export class Statistics {
  /** Bytes read from clients, and how often; writes to them likewise. */
  bytesIn = 0;
  reads = 0;
  writes = 0;
  /** Denials since the start: CONFIG RESETSTAT leaves them, as in Redis. */
  authenticationsDenied = 0;
  commandsDenied = 0;
  keysDenied = 0;
  channelsDenied = 0;
  usedMemoryPeakBytes = 0;
  readonly commands = new Rate();
  readonly input = new Rate();
  readonly output = new Rate();
  readonly #server: Server;
  #sampledMs = 0;
  #connectionsMs = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Memory in use; notes the peak. */
  memoryUse(): MemoryUse {
    const use = memoryUse(this.#server);
    if (use.total > this.usedMemoryPeakBytes) this.usedMemoryPeakBytes = use.total;
    return use;
  }

  /** Called by the server's timer, every 10 ms or so. */
  tick(): void {
    const server = this.#server;
    const { nowMs } = server;
    if (nowMs - this.#sampledMs >= SAMPLE_MS || nowMs < this.#sampledMs) {
      this.#sampledMs = nowMs;
      this.commands.sample(server.engine.commandsTotal, nowMs);
      this.input.sample(this.bytesIn, nowMs);
      this.output.sample(server.bytesOut, nowMs);
      const { liveBytes } = server.engine.keyspace.arena;
      if (liveBytes > this.usedMemoryPeakBytes) this.usedMemoryPeakBytes = liveBytes;
    }
    if (nowMs - this.#connectionsMs >= CONNECTIONS_MS || nowMs < this.#connectionsMs) {
      this.#connectionsMs = nowMs;
      this.#lookAtConnections();
    }
  }

  #lookAtConnections(): void {
    const server = this.#server;
    const { timeoutSeconds } = server.config;
    const limit = timeoutSeconds > 0 ? server.nowMs - timeoutSeconds * 1000 : -1;
    for (const connection of server.connections.values()) {
      connection.checkOutputLimit();
      if (connection.lastActiveMs < limit && connection.session.blocked === null && !server.pause.isWaiting(connection)) {
        server.log.verbose(`Closing idle client ${connection.address}`);
        connection.close();
      }
    }
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.bytesIn = this.reads = this.writes = 0;
  }
}
