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

/** How fast a counter grows against another one, or against the time. */
class Rate {
  readonly #samples = new Float64Array(SAMPLES);
  #at = 0;
  #lastCount = 0;
  #lastBase = 0;

  sample(count: number, base: number): void {
    const elapsed = base - this.#lastBase;
    // A counter that was reset begins anew.
    if (this.#lastBase !== 0 && elapsed > 0) this.#samples[this.#at++ % SAMPLES] = Math.max(0, count - this.#lastCount) / elapsed;
    this.#lastCount = count;
    this.#lastBase = base;
  }

  get perUnit(): number {
    let sum = 0;
    for (const sample of this.#samples) sum += sample;
    return sum / SAMPLES;
  }

  /** Where the base is milliseconds. */
  get perSecond(): number {
    return this.perUnit * 1000;
  }
}

/** Turns of the event loop that had something to do. */
export class Turns {
  count = 0;
  /** What they took in all, in µs, and what of that the commands took; and the longest. */
  totalUs = 0;
  commandsUs = 0;
  longestUs = 0;
  commandsMax = 0;
  #commandsBefore = 0;

  /** @param tookUs the turn @param commandsUs its commands @param commandsTotal by now, in the whole life of the server */
  ended(tookUs: number, commandsUs: number, commandsTotal: number): void {
    this.count++;
    this.totalUs += tookUs;
    this.commandsUs += commandsUs;
    if (tookUs > this.longestUs) this.longestUs = tookUs;
    const commands = commandsTotal - this.#commandsBefore;
    if (commands > this.commandsMax) this.commandsMax = commands;
    this.#commandsBefore = commandsTotal;
  }

  reset(): void {
    this.count = this.totalUs = this.commandsUs = this.longestUs = this.commandsMax = this.#commandsBefore = 0;
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
  /** What the timer's work took, in µs, and what of that taking out what has expired did; and how often that had no time to come to an end. */
  timerUs = 0;
  expiryUs = 0;
  expiryCutOff = 0;
  readonly turns = new Turns();
  readonly turnRate = new Rate();
  readonly turnUs = new Rate();
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
      this.turnRate.sample(this.turns.count, nowMs);
      this.turnUs.sample(this.turns.totalUs, this.turns.count);
      if (server.takesOutExpired) for (const db of server.engine.keyspace.databases) db.sampleTtl();
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
      connection.output.checkLimit();
      if (connection.lastActiveMs < limit && connection.session.blocked === null && !server.pause.isWaiting(connection)) {
        server.log.verbose(`Closing idle client ${connection.address}`);
        connection.close();
      }
    }
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.bytesIn = this.reads = this.writes = this.timerUs = this.expiryUs = this.expiryCutOff = 0;
    this.turns.reset();
  }
}
